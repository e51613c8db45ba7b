//! Who is on the demo's stage: the people of the desk with their sign-ins, and the customers with what they talk about.

use crate::domain::ids::UserId;
use crate::domain::permissions::{Principal, Role};
use crate::domain::ticket::Requester;
use crate::domain::time::Timestamp;

use super::story::{Blanks, Language};

/// The demo's one password. It is printed at the start, and `--demo` never touches a desk with real data.
pub const PASSWORD: &str = "welcome to the desk";

/// Somebody who works at the desk.
#[derive(Clone, Copy, Debug)]
pub struct Colleague {
    pub name: &'static str,
    pub email: &'static str,
    pub role: Role,
    /// Empty means: of every team.
    pub teams: &'static [&'static str],
    /// Kept free for the person who tries the demo: nobody acts under this name while the desk runs.
    pub yours: bool,
}

const fn colleague(
    name: &'static str,
    email: &'static str,
    role: Role,
    teams: &'static [&'static str],
    yours: bool,
) -> Colleague {
    Colleague { name, email, role, teams, yours }
}

pub const COLLEAGUES: [Colleague; 10] = [
    colleague("Alex Morgan", "alex@example.org", Role::Agent, &[], true),
    colleague("Sofia Lindqvist", "sofia@example.org", Role::Supervisor, &[], true),
    colleague("Robin Castellan", "admin@example.org", Role::Admin, &[], true),
    colleague("Amira Haddad", "amira@example.org", Role::Agent, &["support"], false),
    colleague("Jonas Weber", "jonas@example.org", Role::Agent, &["support"], false),
    colleague("Mei Tanaka", "mei@example.org", Role::Agent, &["support"], false),
    colleague("Lucas Ferreira", "lucas@example.org", Role::Agent, &["billing", "support"], false),
    colleague("Grace Okafor", "grace@example.org", Role::Agent, &["billing"], false),
    colleague("Tomás Novák", "tomas@example.org", Role::Agent, &["engineering"], false),
    colleague("Ines Moreau", "ines@example.org", Role::Agent, &["engineering", "support"], false),
];

/// A colleague who has an account.
#[derive(Clone, Debug)]
pub struct Agent {
    pub principal: std::sync::Arc<Principal>,
    pub yours: bool,
}

impl Agent {
    pub fn id(&self) -> &UserId {
        &self.principal.id
    }

    pub fn first_name(&self) -> &str {
        self.principal.name.split(' ').next().unwrap_or_default()
    }

    /// Works on the tickets of this team, and is no supervisor or administrator, who watch.
    pub fn works_for(&self, team: &str) -> bool {
        let teams = &self.principal.teams;
        self.principal.role == Role::Agent && (teams.is_empty() || teams.iter().any(|known| known == team))
    }
}

const FIRST: [&str; 60] = [
    "Hannah", "Omar", "Priya", "Liam", "Chiara", "Noah", "Fatima", "Erik", "Julia", "Mateo", "Aisha", "Daniel",
    "Freya", "Kenji", "Laura", "Samuel", "Zofia", "Ravi", "Elena", "Oscar", "Nadia", "Peter", "Leila", "Marco",
    "Ingrid", "David", "Yara", "Thomas", "Anneke", "Victor", "Maya", "Stefan", "Carmen", "Henrik", "Olivia", "Ahmed",
    "Nina", "George", "Sara", "Felix", "Tara", "Bruno", "Emma", "Ivan", "Lucía", "Jakob", "Rosa", "Magnus", "Helen",
    "Andrés", "Clara", "Dimitri", "Alice", "Tariq", "Vera", "Simon", "Paula", "Niklas", "Ruth", "Gabriel",
];

const LAST: [&str; 60] = [
    "Berg", "Khan", "Sharma", "Murphy", "Rossi", "Fischer", "Mansour", "Lund", "Kowalski", "García", "Osei", "Cohen",
    "Jensen", "Sato", "Vogel", "Brown", "Nowak", "Patel", "Popova", "Lindberg", "Haddad", "Novak", "Rahimi", "Conti",
    "Dahl", "Levy", "Silva", "Meyer", "de Vries", "Petrov", "Iyer", "Huber", "Ortega", "Nilsson", "Clarke", "Said",
    "Keller", "Evans", "Lopes", "Wagner", "Doyle", "Costa", "Taylor", "Horvat", "Ramos", "Schmidt", "Bianchi", "Holm",
    "Wright", "Torres", "Braun", "Makris", "Walker", "Aziz", "Sokolova", "Roth", "Mendes", "Krause", "Adler",
    "Pereira",
];

const FIRST_FR: [&str; 10] =
    ["Camille", "Julien", "Élodie", "Mathieu", "Sophie", "Antoine", "Chloé", "Nicolas", "Manon", "Étienne"];
const LAST_FR: [&str; 10] =
    ["Lefèvre", "Girard", "Roussel", "Fontaine", "Mercier", "Bonnet", "Chevalier", "Perrin", "Gauthier", "Renaud"];

/// Somebody who writes to the desk.
pub fn customer(language: Language, random: &mut fastrand::Rng) -> Requester {
    let (first, last) = match language {
        Language::English => (pick(&FIRST, random), pick(&LAST, random)),
        Language::French => (pick(&FIRST_FR, random), pick(&LAST_FR, random)),
    };
    Requester { name: format!("{first} {last}"), email: format!("{}.{}@example.org", plain(first), plain(last)) }
}

/// As it would stand in an address: without accents and spaces.
fn plain(name: &str) -> String {
    let plain = |c: char| match c {
        'á' | 'à' | 'â' => 'a',
        'é' | 'è' | 'ê' | 'É' => 'e',
        'í' => 'i',
        'ó' => 'o',
        other => other.to_ascii_lowercase(),
    };
    name.chars().map(plain).filter(char::is_ascii_alphabetic).collect()
}

const PRODUCTS: [&str; 8] = [
    "Halden Hub",
    "Thermostat T2",
    "Leak Sensor",
    "Door Sensor",
    "Lamp Mini",
    "Air Monitor",
    "Doorbell Cam",
    "Smart Plug",
];
const AMOUNTS: [&str; 8] = ["€89.00", "€129.00", "€49.90", "€219.00", "€34.95", "€74.50", "€158.80", "€64.00"];
const SMALL: [&str; 5] = ["€9.90", "€12.50", "€5.00", "€14.20", "€7.80"];
const CITIES: [&str; 14] = [
    "Leeds",
    "Rotterdam",
    "Graz",
    "Malmö",
    "Porto",
    "Bristol",
    "Lyon",
    "Dresden",
    "Cork",
    "Bologna",
    "Aarhus",
    "Ghent",
    "Basel",
    "Tartu",
];
const CITIES_FR: [&str; 5] = ["Nantes", "Lille", "Grenoble", "Rennes", "Annecy"];
const COUNTRIES: [&str; 6] = ["Norway", "Switzerland", "Iceland", "Canada", "New Zealand", "Turkey"];
const COMPANIES: [&str; 7] = [
    "Brightside Dental Ltd",
    "Kroon Architecten BV",
    "Hofmann & Söhne GmbH",
    "Lakeside Primary School",
    "Bakkerij Smit",
    "Northgate Cycling Club",
    "Studio Verde Srl",
];
const CODES: [&str; 6] = ["WARM15", "HELLO-AUTUMN", "HALDEN15", "COSY-15", "FRIENDS15", "NOV15"];
const BROWSERS: [&str; 4] = ["Firefox", "Safari", "Chrome", "Edge"];
const PHONES: [&str; 6] = ["Pixel 8", "iPhone 13", "Galaxy S22", "iPhone 15 Pro", "Fairphone 5", "Galaxy A54"];
const ROUTERS: [&str; 4] = ["Fritzbox 7590", "Livebox 6", "EE Smart Hub", "TP-Link Deco"];
const SCREENS: [&str; 5] = ["Scenes", "Energy", "the timeline", "Members", "the room list"];
const ROOMS: [&str; 6] = ["bedroom", "kitchen", "bathroom", "nursery", "hallway", "study"];

/// Everything that the texts of one ticket may name. Dates lie some days before `at`.
pub fn blanks(requester: &Requester, at: Timestamp, random: &mut fastrand::Rng) -> Blanks {
    let digits = |count: u32, random: &mut fastrand::Rng| {
        let least = 10_u64.pow(count - 1);
        random.u64(least..least * 10).to_string()
    };
    let day = |days: i64, form: &str| {
        let at = at.plus_millis(days * 86_400_000).to_jiff().to_zoned(jiff::tz::TimeZone::UTC);
        at.strftime(form).to_string()
    };
    let patch = random.u32(0..4);
    Blanks::from([
        ("first", requester.name.split(' ').next().unwrap_or_default().to_owned()),
        ("name", requester.name.clone()),
        ("email", requester.email.clone()),
        ("product", pick(&PRODUCTS, random).to_owned()),
        ("order", format!("H-{}", digits(5, random))),
        ("amount", pick(&AMOUNTS, random).to_owned()),
        ("amount_small", pick(&SMALL, random).to_owned()),
        ("invoice", format!("INV-{}", digits(5, random))),
        ("tracking", format!("HX{}", digits(8, random))),
        ("tracking2", format!("HX{}", digits(8, random))),
        ("ticketno", format!("#{}", digits(6, random))),
        ("four", digits(4, random)),
        ("n", random.u32(2..7).to_string()),
        ("city", pick(&CITIES, random).to_owned()),
        ("city_fr", pick(&CITIES_FR, random).to_owned()),
        ("country", pick(&COUNTRIES, random).to_owned()),
        ("company", pick(&COMPANIES, random).to_owned()),
        ("code", pick(&CODES, random).to_owned()),
        ("browser", pick(&BROWSERS, random).to_owned()),
        ("phone", pick(&PHONES, random).to_owned()),
        ("router", pick(&ROUTERS, random).to_owned()),
        ("screen", pick(&SCREENS, random).to_owned()),
        ("room", pick(&ROOMS, random).to_owned()),
        ("version", format!("4.12.{patch}")),
        ("version2", format!("4.12.{}", patch + 1)),
        ("hour", format!("{:02}:{:02}", [2, 3, 4, 14, 16, 23][random.usize(..6)], random.u32(0..60))),
        ("date", day(-random.i64(3..12), "%-d %B")),
        ("weekday", day(random.i64(1..4), "%A")),
        ("month", day(-random.i64(40..90), "%B")),
    ])
}

pub fn pick<'a>(from: &[&'a str], random: &mut fastrand::Rng) -> &'a str {
    from[random.usize(..from.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain_and_nobodys() {
        let mut random = fastrand::Rng::with_seed(3);
        for language in [Language::English, Language::French] {
            for _ in 0..300 {
                let email = customer(language, &mut random).email;
                assert!(email.is_ascii() && email.ends_with("@example.org") && !email.contains(".."), "{email}");
            }
        }
    }

    /// D22: every text of the demo reads as a whole: no blank of any story is left open.
    #[test]
    fn no_blank_is_left_open() {
        let mut random = fastrand::Rng::with_seed(5);
        for story in super::super::story::stories() {
            let who = customer(story.language, &mut random);
            let mut blanks = blanks(&who, Timestamp::from_millis(1_795_421_700_000), &mut random);
            blanks.insert("agent", "Amira".into());
            let texts = [&story.subjects, &story.openings, &story.asks, &story.answers, &story.notes, &story.resolves];
            for text in texts.into_iter().flatten() {
                for _ in 0..20 {
                    let told = super::super::story::tell(text, &blanks, &mut random);
                    assert!(!told.contains(['{', '}', '|']), "{told}");
                }
            }
        }
    }
}
