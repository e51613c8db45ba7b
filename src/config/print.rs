//! The configuration as somebody may read it aloud: TOML without its secrets.

use super::Config;

const COVERED: &str = "(hidden)";

/// Secrets that are set are covered; those that are empty stay empty, so that one sees which are missing.
pub fn print(config: &Config) -> String {
    let mut shown = config.clone();
    if !shown.server.operations_token.is_empty() {
        COVERED.clone_into(&mut shown.server.operations_token);
    }
    toml::to_string(&shown).expect("invariant: the configuration has only what TOML can write")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D43: `config print` shows every key and no secret.
    #[test]
    fn secrets_are_covered() {
        let mut config = Config::defaults();
        config.server.operations_token = "a very long secret".into();
        let text = print(&config);
        assert!(!text.contains("secret") && text.contains("operations_token = \"(hidden)\""), "{text}");
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        let text = print(&Config::defaults());
        let again: Config = toml::from_str(&text).unwrap();
        assert_eq!(print(&again), text);
    }
}
