//! What a text shows without anything having been learnt: its language, how pressing it is, its mood, whether it advertises, and a
//! line that stands for it. Lists of words in the languages that most tickets are written in; what they do not know is `None` or
//! a low confidence, never a claim. Pure; the learner's opinion is made of it where there is nothing better.

use whatlang::{Lang, detect};

use crate::domain::ticket::{Guess, Priority, Sentiment};

/// Nothing beyond these characters is looked at.
const LOOKED_AT_CHARS: usize = 4_000;
const SUMMARY_CHARS: usize = 200;

#[derive(Clone, Debug, PartialEq)]
pub struct Signs {
    pub language: Option<Guess<String>>,
    pub priority: Guess<Priority>,
    pub sentiment: Guess<Sentiment>,
    pub spam: Guess<bool>,
    pub summary: Option<String>,
}

pub fn read(subject: &str, body: &str) -> Signs {
    let whole: String = format!("{subject}\n{body}").chars().take(LOOKED_AT_CHARS).collect();
    // Blanks around, and one between words, so that a phrase is found as whole words.
    let mut words = String::with_capacity(whole.len() + 2);
    words.push(' ');
    for word in whole.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|word| !word.is_empty()) {
        words.push_str(&word.to_lowercase());
        words.push(' ');
    }
    Signs {
        language: language(&whole),
        priority: priority(&words),
        sentiment: sentiment(&words, &whole),
        spam: spam(&words, &whole),
        summary: summary(subject, body),
    }
}

/// ISO 639-1, where the text is long enough to tell.
pub fn language(text: &str) -> Option<Guess<String>> {
    let info = detect(text)?;
    let code = two_letters(info.lang())?;
    // A few words say little, whatever the detector thinks of them.
    let confidence = if info.is_reliable() { info.confidence() as f32 } else { (info.confidence() as f32).min(0.5) };
    Some(Guess { value: code.to_owned(), confidence })
}

const URGENT: &[&str] = &[
    "urgent",
    "urgently",
    "asap",
    "immediately",
    "emergency",
    "outage",
    "data loss",
    "lost all",
    "breach",
    "hacked",
    "ransomware",
    "production is down",
    "site is down",
    "everything is down",
    "cannot work",
    "can't work",
    "all our users",
    "all users",
    "nobody can",
    "right now",
    "losing money",
    "legal action",
    "dringend",
    "sofort",
    "notfall",
    "ausfall",
    "nichts geht mehr",
    "gehackt",
    "urgence",
    "urgente",
    "immédiatement",
    "en panne",
    "piraté",
    "inmediatamente",
    "emergencia",
    "caído",
    "hackeado",
    "urgentemente",
    "subito",
    "emergenza",
    "spoed",
    "onmiddellijk",
    "brådskande",
    "pilne",
    "срочно",
    "немедленно",
    "紧急",
    "緊急",
];
const PRESSING: &[&str] = &[
    "down",
    "blocked",
    "deadline",
    "today",
    "still waiting",
    "third time",
    "second time",
    "again and again",
    "charged twice",
    "fraud",
    "unauthorised",
    "unauthorized",
    "stolen",
    "cannot log in",
    "can't log in",
    "locked out",
    "does not work at all",
    "crashes",
    "heute noch",
    "frist",
    "gesperrt",
    "doppelt abgebucht",
    "bloqué",
    "aujourd'hui",
    "deux fois",
    "hoy mismo",
    "bloqueado",
    "dos veces",
];
const CALM: &[&str] = &[
    "not urgent",
    "no rush",
    "no hurry",
    "whenever you",
    "when you have time",
    "just wondering",
    "just curious",
    "would be nice",
    "suggestion",
    "feature request",
    "small question",
    "minor",
    "typo",
    "nicht dringend",
    "keine eile",
    "wäre schön",
    "pas urgent",
    "pas pressé",
    "ce serait bien",
    "sin prisa",
    "no es urgente",
    "sería bueno",
    "non urgente",
];
const ANGRY: &[&str] = &[
    "angry",
    "furious",
    "terrible",
    "horrible",
    "worst",
    "unacceptable",
    "ridiculous",
    "disappointed",
    "disappointing",
    "frustrated",
    "frustrating",
    "useless",
    "awful",
    "disgrace",
    "scam",
    "never again",
    "fed up",
    "sick of",
    "joke",
    "incompetent",
    "complaint",
    "unverschämt",
    "wütend",
    "enttäuscht",
    "frechheit",
    "inakzeptabel",
    "furieux",
    "inacceptable",
    "déçu",
    "honteux",
    "inaceptable",
    "enfadado",
    "decepcionado",
    "vergüenza",
    "inaccettabile",
    "deluso",
    "schandalig",
    "ужасно",
];
const PLEASED: &[&str] = &[
    "love",
    "great",
    "excellent",
    "amazing",
    "wonderful",
    "fantastic",
    "awesome",
    "thank you so much",
    "thanks a lot",
    "well done",
    "perfect",
    "happy with",
    "brilliant",
    "super",
    "toll",
    "großartig",
    "ausgezeichnet",
    "vielen dank",
    "merci beaucoup",
    "génial",
    "parfait",
    "excelente",
    "muchas gracias",
    "genial",
    "ottimo",
    "grazie mille",
    "fantastisch",
    "отлично",
];
const ADVERTISING: &[&str] = &[
    "casino",
    "lottery",
    "you have won",
    "crypto investment",
    "bitcoin investment",
    "guaranteed income",
    "work from home",
    "seo services",
    "rank your website",
    "increase your traffic",
    "backlinks",
    "guest post",
    "viagra",
    "cheap pills",
    "loan offer",
    "inheritance",
    "dear beneficiary",
    "click here now",
    "limited offer",
    "act now",
    "100% free",
    "adult dating",
    "buy followers",
];

fn priority(words: &str) -> Guess<Priority> {
    if count(words, CALM) > 0 {
        return guess(Priority::Low, 0.6);
    }
    match count(words, URGENT) * 2 + count(words, PRESSING) {
        0 => guess(Priority::Normal, 0.6),
        1 => guess(Priority::Normal, 0.5),
        2 | 3 => guess(Priority::High, 0.6),
        _ => guess(Priority::Urgent, 0.7),
    }
}

fn sentiment(words: &str, whole: &str) -> Guess<Sentiment> {
    let letters = whole.chars().filter(|c| c.is_alphabetic()).count();
    let shouted = whole.chars().filter(|c| c.is_uppercase()).count();
    let shouts = letters > 20 && shouted * 2 > letters || whole.contains("!!");
    let (angry, pleased) = (count(words, ANGRY) + usize::from(shouts), count(words, PLEASED));
    match angry.cmp(&pleased) {
        std::cmp::Ordering::Greater => guess(Sentiment::Negative, if angry > 1 { 0.8 } else { 0.6 }),
        std::cmp::Ordering::Less => guess(Sentiment::Positive, if pleased > 1 { 0.8 } else { 0.6 }),
        std::cmp::Ordering::Equal => guess(Sentiment::Neutral, 0.6),
    }
}

fn spam(words: &str, whole: &str) -> Guess<bool> {
    let links = whole.matches("http://").count() + whole.matches("https://").count();
    match count(words, ADVERTISING) + usize::from(links > 4) {
        0 => guess(false, 0.9),
        1 => guess(false, 0.6),
        2 => guess(true, 0.6),
        _ => guess(true, 0.85),
    }
}

fn guess<T>(value: T, confidence: f32) -> Guess<T> {
    Guess { value, confidence }
}

fn count(words: &str, phrases: &[&str]) -> usize {
    // Scripts without blanks have no whole words to look for.
    let stands = |phrase: &&&str| {
        if is_dense(phrase) { words.contains(**phrase) } else { words.contains(&format!(" {phrase} ")) }
    };
    phrases.iter().filter(stands).count()
}

fn is_dense(phrase: &str) -> bool {
    phrase.chars().any(|c| matches!(c, '\u{3040}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'))
}

/// The first sentence that says something, after the greeting; the subject where there is none.
fn summary(subject: &str, body: &str) -> Option<String> {
    const GREETINGS: [&str; 14] = [
        "hi",
        "hello",
        "dear",
        "hey",
        "good morning",
        "good afternoon",
        "greetings",
        "hallo",
        "guten",
        "sehr geehrte",
        "bonjour",
        "hola",
        "buenos",
        "ciao",
    ];
    let sentences = body.split(['\n', '.', '!', '?']).map(str::trim).take(40);
    let telling = sentences.filter(|sentence| {
        let lower = sentence.to_lowercase();
        let greets = GREETINGS.iter().any(|greeting| lower.starts_with(greeting)) && sentence.split(' ').count() < 6;
        sentence.split_whitespace().count() >= 4 && !greets && !sentence.starts_with('>')
    });
    let chosen = telling.into_iter().next().unwrap_or(subject);
    let line = super::deepseek::clean::line(chosen, SUMMARY_CHARS);
    (!line.is_empty()).then_some(line)
}

fn two_letters(lang: Lang) -> Option<&'static str> {
    Some(match lang {
        Lang::Eng => "en",
        Lang::Deu => "de",
        Lang::Fra => "fr",
        Lang::Spa => "es",
        Lang::Ita => "it",
        Lang::Por => "pt",
        Lang::Nld => "nl",
        Lang::Swe => "sv",
        Lang::Dan => "da",
        Lang::Nob => "nb",
        Lang::Fin => "fi",
        Lang::Pol => "pl",
        Lang::Ces => "cs",
        Lang::Slk => "sk",
        Lang::Hun => "hu",
        Lang::Ron => "ro",
        Lang::Rus => "ru",
        Lang::Ukr => "uk",
        Lang::Bul => "bg",
        Lang::Ell => "el",
        Lang::Tur => "tr",
        Lang::Ara => "ar",
        Lang::Heb => "he",
        Lang::Pes => "fa",
        Lang::Hin => "hi",
        Lang::Jpn => "ja",
        Lang::Kor => "ko",
        Lang::Cmn => "zh",
        Lang::Vie => "vi",
        Lang::Ind => "id",
        Lang::Tha => "th",
        Lang::Cat => "ca",
        Lang::Hrv => "hr",
        Lang::Srp => "sr",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R42: without a service the desk still tells how pressing a text is, its mood, its language and whether it advertises.
    #[test]
    fn r42_signs_of_a_text() {
        use Priority::{High, Low, Normal, Urgent};
        use Sentiment::{Negative, Neutral, Positive};
        for (subject, body, priority, mood, language, spam) in [
            ("Site is down", "Urgent: our site is down and nobody can order anything.", Urgent, Neutral, "en", false),
            (
                "Invoice",
                "Could you please send me the invoice of last month to this address?",
                Normal,
                Neutral,
                "en",
                false,
            ),
            ("Idea", "It would be nice to have a dark theme, no rush at all with this one.", Low, Neutral, "en", false),
            (
                "Rechnung",
                "Guten Tag, ich habe eine Frage zu meiner letzten Rechnung und bitte um Antwort.",
                Normal,
                Neutral,
                "de",
                false,
            ),
            (
                "Dringend",
                "Bitte helfen Sie uns sofort, wir können seit dem Ausfall nicht arbeiten!",
                Urgent,
                Neutral,
                "de",
                false,
            ),
            (
                "Commande",
                "Bonjour, je suis très déçu, ma commande est arrivée cassée, c'est inacceptable.",
                Normal,
                Negative,
                "fr",
                false,
            ),
            (
                "Gracias",
                "Muchas gracias, el servicio es excelente y la respuesta llegó muy rápido.",
                Normal,
                Positive,
                "es",
                false,
            ),
            (
                "SEO",
                "We offer SEO services and backlinks to rank your website, click here now and act now.",
                Normal,
                Neutral,
                "en",
                true,
            ),
            (
                "Login",
                "I am locked out of my account and the deadline is tomorrow, please help me to sign in.",
                High,
                Neutral,
                "en",
                false,
            ),
            ("帮助", "紧急:我们的网站无法访问,请尽快处理这个问题,谢谢。", High, Neutral, "zh", false),
        ] {
            let signs = read(subject, body);
            assert_eq!(signs.priority.value, priority, "{body}");
            assert_eq!(signs.sentiment.value, mood, "{body}");
            assert_eq!(signs.language.as_ref().map(|guess| guess.value.as_str()), Some(language), "{body}");
            assert_eq!(signs.spam.value, spam, "{body}");
        }
        assert_eq!(read("", "").language, None);
    }

    #[test]
    fn the_summary_is_what_follows_the_greeting() {
        let summary = |subject, body| read(subject, body).summary;
        let body = "Hello dear support team,\n\nthe parcel with my order has not arrived. What now?";
        assert_eq!(summary("Parcel", body).as_deref(), Some("the parcel with my order has not arrived"));
        assert_eq!(summary("Parcel lost", "Hi.").as_deref(), Some("Parcel lost"));
        assert_eq!(summary(" ", "\n"), None);
        assert!(summary("x", &"word ".repeat(1000)).unwrap().chars().count() <= SUMMARY_CHARS);
    }
}
