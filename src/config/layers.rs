//! How the layers lie over each other. The process's environment is read in one place, so that tests can bring their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use figment::value::{Dict, Value};

use super::{Config, ConfigError};

/// What `config/default.toml` says; every key is documented there.
const DEFAULTS: &str = include_str!("../../config/default.toml");

const PROFILES: &[(&str, &str)] = &[
    ("development", include_str!("../../config/development.toml")),
    ("production", include_str!("../../config/production.toml")),
    ("test", include_str!("../../config/test.toml")),
];

const PREFIX: &str = "HOTDESK__";

/// Everything that goes over the defaults.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    pub profile: Option<String>,
    pub file: Option<PathBuf>,
    /// The port that a hosting platform gives. Unless a layer says where to listen, it is opened on all addresses.
    pub port: Option<String>,
    /// `HOTDESK__SECTION__KEY` and its value.
    pub environment: BTreeMap<String, String>,
}

impl Layers {
    /// The environment of this process.
    pub fn of_process(file: Option<&Path>) -> Result<Self, ConfigError> {
        let mut layers = Self { file: file.map(Path::to_owned), ..Self::default() };
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().map(str::to_owned) else { continue };
            let read = || {
                value.to_str().map(str::to_owned).ok_or_else(|| refuse(format!("{name}: the value is not valid UTF-8")))
            };
            match name.as_str() {
                "PORT" => layers.port = Some(read()?),
                // The service's own name for it; ours goes before.
                "DEEPSEEK_BASE_URL" => {
                    let value = read()?;
                    layers.environment.entry(format!("{PREFIX}TRIAGE__BASE_URL")).or_insert(value);
                }
                "HOTDESK_PROFILE" => layers.profile = Some(read()?),
                _ if name.starts_with(PREFIX) => {
                    let value = read()?;
                    layers.environment.insert(name, value);
                }
                _ => {}
            }
        }
        Ok(layers)
    }

    /// Puts the layers together and checks the outcome.
    pub fn read(&self) -> Result<Config, ConfigError> {
        let defaults = Figment::from(Toml::string(DEFAULTS));
        let mut figment = defaults.clone();
        if let Some(profile) = self.profile.as_deref().filter(|profile| !profile.is_empty()) {
            let Some((_, text)) = PROFILES.iter().find(|(name, _)| *name == profile) else {
                let known = PROFILES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
                return Err(refuse(format!("HOTDESK_PROFILE: there is no profile `{profile}`, only {known}")));
            };
            figment = figment.merge(Toml::string(text));
        }
        if let Some(file) = &self.file {
            if !file.is_file() {
                return Err(refuse(format!("--config: there is no file {}", file.display())));
            }
            figment = figment.merge(Toml::file_exact(file));
        }
        if let Some(port) = self.port.as_deref().filter(|port| !port.is_empty()) {
            let listen = listen_on(port, &defaults, &figment)?;
            figment = figment.merge(Serialized::default("server.listen", listen));
        }
        for (name, text) in &self.environment {
            let key = name[PREFIX.len()..].to_ascii_lowercase().replace("__", ".");
            let value = value_of(&key, text, &defaults);
            // Merged as a nested dictionary, so that a wrong key is reported like one in a file.
            let nested = figment::util::nest(&key, value);
            let dict = nested.into_dict().unwrap_or_default();
            figment = figment.merge(Named { name: name.clone(), dict });
        }
        let config: Config = figment
            .extract()
            .map_err(|errors| ConfigError { problems: errors.into_iter().map(|error| error.to_string()).collect() })?;
        let problems = config.problems();
        if problems.is_empty() { Ok(config) } else { Err(ConfigError { problems }) }
    }
}

fn listen_on(port: &str, defaults: &Figment, figment: &Figment) -> Result<String, ConfigError> {
    let port: u16 = port.parse().map_err(|_| refuse(format!("PORT: `{port}` is not a port")))?;
    let configured: Option<String> = figment.extract_inner("server.listen").ok();
    let default: Option<String> = defaults.extract_inner("server.listen").ok();
    let host = match configured {
        Some(listen) if Some(&listen) != default.as_ref() => {
            listen.rsplit_once(':').map_or_else(|| listen.clone(), |(host, _)| host.to_owned())
        }
        _ => "0.0.0.0".to_owned(),
    };
    Ok(format!("{host}:{port}"))
}

/// A text where the default is a text, whatever it looks like (a token of digits stays one); else a value as TOML writes it.
fn value_of(key: &str, text: &str, defaults: &Figment) -> Value {
    match defaults.find_value(key) {
        Ok(Value::String(..)) => Value::from(text),
        _ => text.parse().expect("invariant: parsing a value of the environment cannot fail"),
    }
}

fn refuse(problem: String) -> ConfigError {
    ConfigError { problems: vec![problem] }
}

/// One variable of the environment, under its own name in messages.
struct Named {
    name: String,
    dict: Dict,
}

impl figment::Provider for Named {
    fn metadata(&self) -> figment::Metadata {
        figment::Metadata::named(format!("environment variable {}", self.name))
    }

    fn data(&self) -> Result<figment::value::Map<figment::Profile, Dict>, figment::Error> {
        Ok(figment::Profile::Default.collect(self.dict.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Layers {
        Layers {
            environment: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..Layers::default()
        }
    }

    #[test]
    fn the_defaults_are_complete() {
        assert_eq!(Config::defaults().session.heartbeat_ms, 15_000);
    }

    #[test]
    fn every_profile_is_usable() {
        for (name, _) in PROFILES {
            let layers = Layers { profile: Some((*name).to_owned()), ..Layers::default() };
            layers.read().unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    /// D40: later layers win: profile, file, PORT, environment.
    #[test]
    fn later_layers_win() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("desk.toml");
        std::fs::write(&file, "[log]\nfilter = \"debug\"\n[desk]\nname = \"From the file\"\n").unwrap();
        let mut layers = environment(&[("HOTDESK__DESK__NAME", "From the environment")]);
        layers.profile = Some("production".into());
        layers.file = Some(file);
        let config = layers.read().unwrap();
        assert_eq!(config.log.format, "json");
        assert_eq!(config.log.filter, "debug");
        assert_eq!(config.desk.name, "From the environment");
    }

    /// D41: PORT opens that port; an address that somebody configured keeps its host, the default one gives way.
    #[test]
    fn port_is_taken_from_the_platform() {
        let port = |layers: Layers| Layers { port: Some("9000".into()), ..layers }.read().unwrap().server.listen;
        assert_eq!(port(Layers::default()), "0.0.0.0:9000");
        assert_eq!(port(environment(&[("HOTDESK__SERVER__LISTEN", "127.0.0.1:1")])), "127.0.0.1:1");
        assert_eq!(port(Layers { profile: Some("test".into()), ..Layers::default() }), "127.0.0.1:9000");
        let wrong = Layers { port: Some("http".into()), ..Layers::default() }.read().unwrap_err();
        assert_eq!(wrong.problems, ["PORT: `http` is not a port"]);
    }

    #[test]
    fn values_of_the_environment_keep_their_type() {
        let config = environment(&[
            ("HOTDESK__SERVER__OPERATIONS_TOKEN", "1234567890123456"),
            ("HOTDESK__SERVER__WORKERS", "3"),
            ("HOTDESK__DEMO__LIVE", "false"),
            ("HOTDESK__SERVER__ALLOWED_ORIGINS", "[\"https://desk.example\"]"),
        ])
        .read()
        .unwrap();
        assert_eq!(config.server.operations_token, "1234567890123456");
        assert_eq!(config.server.workers, 3);
        assert!(!config.demo.live);
        assert_eq!(config.server.allowed_origins, ["https://desk.example"]);
    }

    /// D42: an unknown key or a value of the wrong kind is refused with the place that it came from.
    #[test]
    fn unknown_keys_and_wrong_kinds_are_named() {
        for (name, value, expected) in [
            ("HOTDESK__SERVER__LISTN", "127.0.0.1:1", "listn"),
            ("HOTDESK__SERVER__WORKERS", "many", "server.workers"),
            ("HOTDESK__NOWHERE__KEY", "1", "nowhere"),
        ] {
            let error = environment(&[(name, value)]).read().unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(name), "{error}");
        }
    }

    #[test]
    fn a_profile_or_file_that_does_not_exist_is_refused() {
        let profile = Layers { profile: Some("prod".into()), ..Layers::default() }.read().unwrap_err();
        assert!(profile.to_string().contains("no profile `prod`"), "{profile}");
        let file = Layers { file: Some("/nowhere/desk.toml".into()), ..Layers::default() }.read().unwrap_err();
        assert!(file.to_string().contains("there is no file /nowhere/desk.toml"), "{file}");
    }
}
