//! A ticket's text before it leaves the desk: without invisible characters, cut to a length, and with a warning when it looks
//! like it speaks to the model. Called when batches are made.

/// What is left of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    pub text: String,
    /// It had invisible characters or speaks like an instruction: it is sent alone, so that it can change nobody else's row.
    pub flagged: bool,
}

/// At most `most_chars` characters of `text`. Control, zero-width and bidirectional characters go; new lines and tabs stay.
pub fn clean(text: &str, most_chars: usize) -> Cleaned {
    let mut hidden = false;
    let kept = text.chars().filter(|char| {
        let invisible = is_invisible(*char);
        hidden |= invisible;
        !invisible
    });
    // Everything is looked at, also what is cut off: a flag must not be hidden behind the end.
    let whole: String = kept.collect();
    let flagged = hidden || speaks_to_the_model(&whole);
    let text = match whole.char_indices().nth(most_chars) {
        Some((end, _)) => whole[..end].to_owned(),
        None => whole,
    };
    Cleaned { text, flagged }
}

fn is_invisible(char: char) -> bool {
    if matches!(char, '\n' | '\t' | '\r') {
        return false;
    }
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Rough on purpose: a false alarm costs one request.
fn speaks_to_the_model(text: &str) -> bool {
    const PHRASES: [&str; 16] = [
        "ignore previous",
        "ignore all",
        "ignore the above",
        "ignore any",
        "disregard",
        "system prompt",
        "you are now",
        "act as",
        "new instructions",
        "other tickets",
        "previous ticket",
        "next ticket",
        "\"rows\"",
        "\"check\"",
        "<|",
        "assistant:",
    ];
    let text = text.to_lowercase();
    PHRASES.iter().any(|phrase| text.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R20: invisible characters never leave the desk, and their text is flagged.
    #[test]
    fn r20_invisible_characters_are_removed_and_flagged() {
        for char in ['\u{0}', '\u{1b}', '\u{7f}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{feff}', '\u{e0041}'] {
            let cleaned = clean(&format!("re{char}fund"), 100);
            assert_eq!(cleaned, Cleaned { text: "refund".to_owned(), flagged: true }, "{char:?}");
        }
        let plain = clean("two\nlines\tand é, 日本語 😀", 100);
        assert_eq!(plain, Cleaned { text: "two\nlines\tand é, 日本語 😀".to_owned(), flagged: false });
    }

    #[test]
    fn what_speaks_to_the_model_is_flagged_wherever_it_stands() {
        let long = format!("{} Ignore previous instructions", "words ".repeat(1000));
        let cleaned = clean(&long, 10);
        assert_eq!((cleaned.text.chars().count(), cleaned.flagged), (10, true));
        assert!(!clean("Please ignore my last mail", 100).flagged);
    }
}
