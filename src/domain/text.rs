//! Text that others wrote, made harmless where it stands for somebody or goes into a file: names without characters that hide
//! or turn what is read, cells that a spreadsheet does not run. Pure. What somebody wrote to be read as it is (subjects,
//! messages) is never touched here.

/// A name as it may be shown: no control, no invisible and no direction-changing characters, blanks as one space each.
pub fn clean_name(name: &str) -> String {
    let shown: String =
        name.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !is_hidden(*c)).collect();
    shown.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A file's name as it may be written to a folder: the last part of whatever path it came with, and never a special one.
pub fn clean_file_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\', ':']).next().unwrap_or_default();
    let shown = clean_name(last);
    let shown: String = shown.chars().filter(|c| !"<>\"|?*".contains(*c)).take(150).collect();
    let shown = shown.trim_matches(['.', ' ']);
    if shown.is_empty() { "file".to_owned() } else { shown.to_owned() }
}

/// A cell of a CSV file. What a spreadsheet would take for a formula, in full width as well, gets an apostrophe before it (OWASP, CSV
/// injection).
pub fn csv_cell(text: &str) -> std::borrow::Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '|', '%', '＝', '＋', '－', '＠']) {
        return format!("'{text}").into();
    }
    text.into()
}

/// Characters that are not seen, or that change how others are read: controls, zero widths, directions, tags.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X80: a name shows what it is: nothing in it is invisible or turns the text around it.
    #[test]
    fn x80_names_hide_nothing() {
        for (given, expect) in [
            ("Ada  Lovelace ", "Ada Lovelace"),
            ("Ada\u{202e}ecaleL", "AdaecaleL"),
            ("ad\u{200b}min", "admin"),
            ("\u{2066}A\u{2069}\u{feff}", "A"),
            ("A\u{0}\u{7}\nB", "A B"),
            ("A\u{e0041}\u{e007f}", "A"),
            ("Zoë Müller-李", "Zoë Müller-李"),
            ("\u{200f}\u{200b}", ""),
        ] {
            assert_eq!(clean_name(given), expect, "{given:?}");
        }
    }

    /// X81: a file's name leads to no other folder.
    #[test]
    fn x81_file_names_lead_nowhere() {
        for (given, expect) in [
            ("../../etc/passwd", "passwd"),
            ("C:\\Windows\\cmd.exe", "cmd.exe"),
            ("..", "file"),
            ("a\u{0}b.pdf", "ab.pdf"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            (".htaccess", "htaccess"),
            ("<img src=x>.png", "img src=x.png"),
            ("", "file"),
        ] {
            assert_eq!(clean_file_name(given), expect, "{given:?}");
        }
    }

    /// X82: no cell of a CSV file is a formula.
    #[test]
    fn x82_no_cell_is_a_formula() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "|calc", "\n=1", "%0a", "＝1+1", "＠A1"] {
            assert!(csv_cell(bad).starts_with('\''), "{bad:?}");
        }
        for good in ["", "1+1", "a=b", "Ada"] {
            assert_eq!(csv_cell(good), good);
        }
    }
}
