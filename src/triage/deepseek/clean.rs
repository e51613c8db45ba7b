//! A ticket's text before it leaves the desk: without invisible characters, cut to a length, and with a warning when it may speak to
//! the model. Called when batches are made, and for what comes back.
//!
//! A flagged text is asked alone, so that whatever it makes of the model it changes nobody else's row. The lists err on the safe
//! side: a false alarm costs one request. A text in a language without a list is flagged as well.

use whatlang::Lang;

use crate::domain::text::is_hidden;

/// What is left of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleaned {
    pub text: String,
    /// It had invisible characters or may speak to the model.
    pub flagged: bool,
}

/// At most `most_chars` characters of `text`. Control, zero-width and bidirectional characters go; new lines and tabs stay.
pub fn clean(text: &str, most_chars: usize) -> Cleaned {
    let mut hidden = false;
    let kept = text.chars().filter(|char| {
        let invisible = !matches!(char, '\n' | '\t' | '\r' | '\u{fe0f}') && is_hidden(*char);
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

/// One line of at most `most_chars` visible characters, for what comes back. Looks no further than it must, however long the text is.
pub fn line(text: &str, most_chars: usize) -> String {
    let near: String = text.chars().take(most_chars * 4).filter(|c| c.is_whitespace() || !is_hidden(*c)).collect();
    let line = near.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(most_chars).collect()
}

/// What is said to a model and seldom to a support desk, as letters alone: blanks, signs, accents and case do not hide it.
const PHRASES: &[&str] = &[
    // English
    "ignoreprevious",
    "ignoreall",
    "ignoretheabove",
    "ignoreany",
    "ignoreevery",
    "ignoreyour",
    "ignorewhat",
    "ignoretheinstructions",
    "disregard",
    "forgeteverything",
    "forgetall",
    "forgetyour",
    "forgettheabove",
    "forgetprevious",
    "override",
    "systemprompt",
    "systemmessage",
    "systemnote",
    "systemoverride",
    "yourprompt",
    "yourinstructions",
    "yourrules",
    "youarenow",
    "youareno",
    "pretend",
    "roleplay",
    "newinstruction",
    "realinstructions",
    "instructionsfollow",
    "replywith",
    "newrule",
    "updatedinstruction",
    "followingrules",
    "instructionsabove",
    "aboveinstructions",
    "previousinstructions",
    "priorinstructions",
    "othertickets",
    "otherticket",
    "previousticket",
    "nextticket",
    "allticket",
    "everyticket",
    "ticketsabove",
    "ticketsbelow",
    "ticketinthisbatch",
    "thisbatch",
    "thebatch",
    "otherrows",
    "allrows",
    "everyrow",
    "eachrow",
    "thearray",
    "jsonobject",
    "jsonarray",
    "asjson",
    "injson",
    "outputjson",
    "validjson",
    "rowsfor",
    "developermode",
    "debugmode",
    "jailbreak",
    "dananswer",
    "languagemodel",
    "aimodel",
    "chatgpt",
    "deepseek",
    "assistant",
    "asanai",
    "dearai",
    "helloai",
    "chatbot",
    "classifier",
    "classifythis",
    "classifyall",
    "markall",
    "markevery",
    "setall",
    "setevery",
    "changeall",
    "closeall",
    "closeevery",
    "setpriority",
    "setthepriority",
    "setcategory",
    "prioritytourgent",
    "markasurgent",
    "respondonly",
    "respondwith",
    "replyonlywith",
    "answeronlywith",
    "outputonly",
    "repeatthe",
    "printthe",
    "revealthe",
    "translatetheabove",
    "whatwereyoutold",
    "endofticket",
    "endoftickets",
    "beginsystem",
    "tooluse",
    "functioncall",
    "admincommand",
    // German
    "ignoriere",
    "vergissalle",
    "vergissdie",
    "vergessensie",
    "missachte",
    "systemanweisung",
    "anweisungen",
    "anweisung",
    "dubistjetzt",
    "andereticket",
    "anderentickets",
    "alletickets",
    "jedesticket",
    "sprachmodell",
    "kunstlicheintelligenz",
    "setzealle",
    "setzediepriorit",
    "schliesse",
    "gibdeine",
    "wiederhole",
    "befolge",
    "alszeile",
    // French
    "ignorez",
    "ignoretoutes",
    "ignorelesinstructions",
    "oublietout",
    "oubliezt",
    "oublieles",
    "oubliezles",
    "instructionsprecedentes",
    "consignes",
    "tuesmaintenant",
    "vousetesmaintenant",
    "autrestickets",
    "touslestickets",
    "chaqueticket",
    "modeledelangage",
    "modeledelangue",
    "intelligenceartificielle",
    "fermetous",
    "fermeztous",
    "marquetous",
    "repeteles",
    "revelele",
    "messagesysteme",
    // Spanish and Portuguese
    "ignoratodas",
    "ignoralas",
    "ignoreas",
    "ignoretodas",
    "olvidatodas",
    "olvidalas",
    "esqueca",
    "instruccionesanteriores",
    "instrucoesanteriores",
    "instrucciones",
    "instrucoes",
    "ahoraeres",
    "agoravoce",
    "otrostickets",
    "outrostickets",
    "todoslostickets",
    "todosostickets",
    "modelodelenguaje",
    "modelodelinguagem",
    "inteligenciaartificial",
    "cierratodos",
    "fechetodos",
    "marcatodos",
    "marquetodos",
    "promptdelsistema",
    "promptdosistema",
    // Italian, Dutch, Scandinavian, Polish, Czech, Turkish, Romanian, Hungarian, Finnish, Indonesian, Vietnamese
    "ignoratutte",
    "ignoraleistruzioni",
    "istruzioni",
    "dimenticatutt",
    "dimenticale",
    "orasei",
    "altriticket",
    "tuttiiticket",
    "negeer",
    "instructies",
    "vergeetalle",
    "jebentnu",
    "anderetickets",
    "alletickets",
    "taalmodel",
    "ignorera",
    "instruktioner",
    "duarnu",
    "andrabiljetter",
    "allaarenden",
    "ignorer",
    "instruksjoner",
    "sprakmodell",
    "zignoruj",
    "polecenia",
    "instrukcje",
    "jestesteraz",
    "innezgloszenia",
    "wszystkiezgloszenia",
    "ignoruj",
    "pokyny",
    "yoksay",
    "talimat",
    "digerbiletler",
    "tumbiletler",
    "ignoratoate",
    "instructiunile",
    "hagydfigyelmen",
    "utasitas",
    "jataohjeet",
    "ohjeet",
    "abaikan",
    "instruksi",
    "bỏqua",
    "hướngdẫn",
    // Cyrillic and Greek
    "игнорируй",
    "игнорируйте",
    "забудь",
    "инструкци",
    "указания",
    "системн",
    "тытеперь",
    "другиетикет",
    "всетикет",
    "языковаямодель",
    "ігноруй",
    "αγνοησε",
    "οδηγιες",
    // Chinese, Japanese, Korean, Arabic, Hebrew, Persian, Hindi, Thai
    "忽略",
    "无视",
    "無視",
    "指令",
    "系统提示",
    "提示词",
    "其他工单",
    "所有工单",
    "你现在是",
    "语言模型",
    "指示",
    "命令",
    "システム",
    "他のチケット",
    "すべてのチケット",
    "あなたは今",
    "무시",
    "지시",
    "명령",
    "시스템",
    "다른티켓",
    "모든티켓",
    "تجاهل",
    "التعليمات",
    "تعليمات",
    "النظام",
    "התעלם",
    "הוראות",
    "نادیدهبگیر",
    "دستورالعمل",
    "अनदेखा",
    "निर्देश",
    "เพิกเฉย",
    "คำสั่ง",
];

/// Marks of a form of speech that is not a customer's.
const MARKS: &[&str] = &[
    "\"rows\"",
    "\"check\"",
    "\"category\"",
    "\"priority\"",
    "\"role\"",
    "\"content\"",
    "category_sure",
    "<|",
    "|>",
    "[inst]",
    "[/inst]",
    "<<sys",
    "### ",
    "```",
    "system:",
    "assistant:",
    "user:",
    "developer:",
    "</",
    "<system",
    "<ticket",
    "\\u00",
    "}]",
    "}}",
    "{{",
    "{%",
    "\\n\\n",
    "base64",
    "rot13",
    " act as ",
];

/// Languages that the phrases cover.
const COVERED: &[Lang] = &[
    Lang::Eng,
    Lang::Deu,
    Lang::Fra,
    Lang::Spa,
    Lang::Por,
    Lang::Ita,
    Lang::Nld,
    Lang::Swe,
    Lang::Nob,
    Lang::Dan,
    Lang::Pol,
    Lang::Ces,
    Lang::Slk,
    Lang::Tur,
    Lang::Ron,
    Lang::Hun,
    Lang::Fin,
    Lang::Ind,
    Lang::Vie,
    Lang::Rus,
    Lang::Ukr,
    Lang::Ell,
    Lang::Cmn,
    Lang::Jpn,
    Lang::Kor,
    Lang::Ara,
    Lang::Heb,
    Lang::Pes,
    Lang::Hin,
    Lang::Tha,
];

fn speaks_to_the_model(text: &str) -> bool {
    let lower = text.to_lowercase();
    if MARKS.iter().any(|mark| lower.contains(mark)) || looks_encoded(text) || mixes_scripts(text) {
        return true;
    }
    let letters = letters(&lower);
    PHRASES.iter().any(|phrase| letters.contains(phrase)) || is_in_an_uncovered_language(text)
}

/// Lower-case letters alone, without accents, and with the digits that stand for letters read as those.
fn letters(lower: &str) -> String {
    let plain = |c: char| match c {
        'à'..='å' | 'ā' | 'ă' | 'ą' => 'a',
        'è'..='ë' | 'ē' | 'ę' | 'ě' => 'e',
        'ì'..='ï' | 'ī' | 'ı' => 'i',
        'ò'..='ö' | 'ø' | 'ō' | 'ő' => 'o',
        'ù'..='ü' | 'ū' | 'ů' | 'ű' => 'u',
        'ç' | 'ć' | 'č' => 'c',
        'ñ' | 'ń' | 'ň' => 'n',
        'ś' | 'š' | 'ş' | 'ș' => 's',
        'ź' | 'ż' | 'ž' => 'z',
        'ý' => 'y',
        'ł' => 'l',
        'ğ' => 'g',
        'ř' => 'r',
        'ť' | 'ţ' | 'ț' => 't',
        'ď' => 'd',
        'ά' => 'α',
        'έ' => 'ε',
        'ή' => 'η',
        'ί' => 'ι',
        'ό' => 'ο',
        '0' => 'o',
        '1' | '!' | '|' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    lower.chars().map(plain).filter(|c| c.is_alphabetic() || is_mark(*c)).collect()
}

/// Vowels of scripts that write them as marks.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{900}'..='\u{97f}' | '\u{e00}'..='\u{e7f}')
}

/// A long run of letters and digits without a blank: base64, hexadecimal, or a word in a script made of look-alikes.
fn looks_encoded(text: &str) -> bool {
    let odd = |c: char| matches!(c, '\u{1d400}'..='\u{1d7ff}' | '\u{ff01}'..='\u{ff5e}' | '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f189}');
    let runs = text.split(|c: char| c.is_whitespace() || matches!(c, '/' | '-' | '.' | '_' | '?' | '&' | '='));
    let mut long =
        runs.filter(|run| run.len() >= 32 && run.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+'));
    let fullwidth_letters = text
        .chars()
        .filter(|c| odd(*c))
        .filter(|c| !matches!(c, '\u{ff01}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff1f}'))
        .count();
    long.next().is_some() || fullwidth_letters > 2
}

/// Latin and Cyrillic or Greek letters in one word.
fn mixes_scripts(text: &str) -> bool {
    text.split(|c: char| !c.is_alphabetic()).any(|word| {
        let latin = word.chars().any(|c| c.is_ascii_alphabetic());
        latin && word.chars().any(|c| matches!(c, '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}'))
    })
}

/// Only where there is enough text to tell; a name or an order number is in no language.
fn is_in_an_uncovered_language(text: &str) -> bool {
    match whatlang::detect(text) {
        Some(info) => info.is_reliable() && !COVERED.contains(&info.lang()),
        None => text.chars().filter(|c| c.is_alphabetic()).count() > 40,
    }
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
        let plain = clean("two\nlines\tand é, 日本語 😀 ❤️", 100);
        assert_eq!(plain, Cleaned { text: "two\nlines\tand é, 日本語 😀 ❤️".to_owned(), flagged: false });
    }

    #[test]
    fn what_speaks_to_the_model_is_flagged_wherever_it_stands() {
        let long = format!("{} Ignore previous instructions", "words ".repeat(1000));
        let cleaned = clean(&long, 10);
        assert_eq!((cleaned.text.chars().count(), cleaned.flagged), (10, true));
    }

    /// R24: what customers write as a rule goes together with others.
    #[test]
    fn r24_ordinary_tickets_are_not_flagged() {
        for text in [
            "Please ignore my last mail, I found the invoice in the meantime.",
            "Where is my parcel? The tracking number is 1Z999AA10123456784 and it has not moved since Monday.",
            "Ich kann mich seit heute Morgen nicht mehr anmelden, das Passwort wird nicht angenommen.",
            "Bonjour, je voudrais renvoyer ma commande parce que la taille ne convient pas.",
            "Hola, me han cobrado dos veces el mismo pedido, ¿pueden devolverme el dinero?",
            "The app crashes when I open the settings (version 2.3.1, Android 14). Steps: 1. open, 2. tap settings.",
            "Could you set up an account for my colleague ada@example.org, please?",
            "Здравствуйте, мне пришла не та посылка. Как её вернуть?",
            "注文した商品がまだ届きません。いつ届きますか?",
            "Order #4711, 2 × blue shirt, size M. Thanks!",
        ] {
            assert!(!clean(text, 1000).flagged, "{text}");
        }
    }
}
