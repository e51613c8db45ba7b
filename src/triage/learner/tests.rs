//! The learner as a whole, on a desk small enough to read.

use proptest::prelude::*;

use super::*;

const DESK: [(&str, &str, &str); 3] = [
    ("billing", "Billing", "Invoices, charges, payments, refunds of money"),
    ("shipping", "Shipping", "Delivery, tracking, lost or late parcels"),
    ("account_access", "Account access", "Sign-in, passwords, locked or lost accounts"),
];

const TEXTS: [(&str, &str); 12] = [
    ("I was charged twice for the same invoice", "billing"),
    ("please send me a receipt for my last payment", "billing"),
    ("why is there an extra fee on my bill", "billing"),
    ("refund the money you took from my card", "billing"),
    ("where is my parcel, it should have arrived", "shipping"),
    ("the tracking number does not work", "shipping"),
    ("my delivery is three days late", "shipping"),
    ("the courier left the package at the wrong door", "shipping"),
    ("I forgot my password and cannot sign in", "account_access"),
    ("my account is locked after too many attempts", "account_access"),
    ("the login page says my user does not exist", "account_access"),
    ("how do I reset my two-factor code", "account_access"),
];

fn categories() -> Vec<Category> {
    let category = |(id, name, description): (&str, &str, &str)| Category {
        id: id.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
    };
    DESK.map(category).to_vec()
}

fn learner() -> Learner {
    Learner::new(categories(), Settings::default())
}

fn best(learner: &Learner, text: &str) -> String {
    let prediction = learner.predict(text, 1, &mut Buffers::default());
    learner.categories()[prediction.ranking[0].0 as usize].id.clone()
}

fn taught() -> Learner {
    let learner = learner();
    let mut buffers = Buffers::default();
    for _ in 0..3 {
        for (text, category) in TEXTS {
            learner.learn(0, text, Some(category), &mut buffers).unwrap();
        }
    }
    learner
}

/// R1: the names and descriptions of the categories are enough for a first guess.
#[test]
fn r1_a_new_desk_guesses_by_the_categories_descriptions() {
    let learner = learner();
    assert_eq!(best(&learner, "I want a refund of this payment"), "billing");
    assert_eq!(best(&learner, "my parcel is lost"), "shipping");
    assert_eq!(best(&learner, "I have forgotten my password"), "account_access");
}

/// R2: a correction counts from the next prediction on.
#[test]
fn r2_a_correction_counts_at_once() {
    let learner = taught();
    let mut buffers = Buffers::default();
    for (text, wanted) in [("frobnicate the gizmo", "shipping"), ("frobnicate the gizmo", "billing")] {
        learner.learn(7, text, Some(wanted), &mut buffers).unwrap();
        assert_eq!(best(&learner, text), wanted);
    }
    assert_eq!(learner.examples(), 37, "the ticket that was corrected twice has one example");
}

#[test]
fn a_category_that_is_not_there_is_refused() {
    let learner = taught();
    let before = learner.to_bytes();
    let refused = learner.learn(0, "text", Some("sales"), &mut Buffers::default());
    assert_eq!(refused, Err(UnknownCategory("sales".to_owned())));
    assert!(before == learner.to_bytes(), "a refused correction changes nothing");
}

/// R3: the refit knows everything that was learnt, also what was learnt while it ran.
#[test]
fn r3_a_refit_forgets_nothing() {
    let learner = taught();
    assert!(learner.refit());
    for (text, category) in TEXTS {
        assert_eq!(best(&learner, text), category, "{text}");
    }
    // What a correction during the refit does: it is in the list that the refit takes over when it ends.
    learner.memory.lock().since = Some(Vec::new());
    assert!(!learner.refit(), "one at a time");
    learner.learn(0, "frobnicate the gizmo", Some("billing"), &mut Buffers::default()).unwrap();
    assert_eq!(learner.memory.lock().since.take().map(|since| since.len()), Some(1));
}

/// R4: the same texts, order and seed make the same model, byte for byte.
#[test]
fn r4_the_same_seed_makes_the_same_model() {
    let (one, other) = (taught(), taught());
    assert!(one.to_bytes() == other.to_bytes());
    assert!(one.refit() && other.refit());
    assert!(one.to_bytes() == other.to_bytes());
}

/// R5: what is read back predicts what was predicted, and goes on learning the same.
#[test]
fn r5_a_saved_learner_is_the_same_learner() {
    let learner = taught();
    assert!(learner.refit());
    let again = Learner::from_bytes(&learner.to_bytes(), categories(), Settings::default()).unwrap();
    let mut buffers = Buffers::default();
    for (text, _) in TEXTS {
        assert_eq!(learner.predict(text, 3, &mut buffers), again.predict(text, 3, &mut buffers));
    }
    assert!(learner.to_bytes() == again.to_bytes());
}

/// R6: any damage to the file is an error that says so, never another model and never a panic.
#[test]
fn r6_a_damaged_file_is_refused() {
    let learner = learner();
    learner.learn(0, "my parcel is late", Some("shipping"), &mut Buffers::default()).unwrap();
    let bytes = learner.to_bytes();
    let read = |bytes: &[u8]| Learner::from_bytes(bytes, categories(), Settings::default()).map(|_| ()).unwrap_err();
    assert_eq!(read(b"id,text\n"), FileError::Foreign);
    assert_eq!(read(b""), FileError::Foreign);
    let mut newer = bytes.clone();
    newer[8] = 99;
    assert_eq!(read(&newer), FileError::Version(99));
    assert!(read(&newer).to_string().contains("99"));
    for length in (8..bytes.len()).step_by(bytes.len() / 97) {
        assert!(matches!(read(&bytes[..length]), FileError::Damaged(_)), "cut at {length}");
    }
    for at in (20..bytes.len()).step_by(bytes.len() / 97) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 4;
        assert!(matches!(read(&flipped), FileError::Damaged(_)), "flipped at {at}");
    }
    assert!(read(&bytes[..40]).to_string().contains("damaged"));
}

/// R7: when the desk's categories change, the examples of those that are left stay.
#[test]
fn r7_examples_survive_a_change_of_categories() {
    let learner = taught();
    let mut changed = categories();
    changed.remove(1);
    changed.insert(0, Category { id: "sales".into(), name: "Sales".into(), description: "Offers, quotes".into() });
    let again = Learner::from_bytes(&learner.to_bytes(), changed, Settings::default()).unwrap();
    assert_eq!(again.examples(), 24);
    assert_eq!(best(&again, "I was charged twice for the same invoice"), "billing");
    assert_eq!(best(&again, "my account is locked after too many attempts"), "account_access");
    assert_eq!(best(&again, "an offer or a quote for our sales team"), "sales");
}

/// R8: what nobody ever wrote about is more probably out of scope than what they did.
#[test]
fn r8_foreign_texts_are_told_apart() {
    let learner = taught();
    let mut buffers = Buffers::default();
    let foreign = learner.predict("zebras graze beneath acacia trees", 1, &mut buffers).out_of_scope;
    let own = learner.predict("my parcel is late", 1, &mut buffers).out_of_scope;
    assert!(foreign > own + 0.2, "{foreign} and {own}");
}

#[test]
fn memory_is_bounded_whatever_is_learnt() {
    let mut settings = Settings { example_bytes: 100_000, ..Settings::default() };
    settings.refit.weight_bytes = 64 << 10;
    settings.refit.features = 5000;
    let learner = Learner::new(categories(), settings);
    let mut random = fastrand::Rng::with_seed(3);
    let mut buffers = Buffers::default();
    let mut most = 0;
    for ticket in 1..3000 {
        let text: String = (0..30).map(|_| if random.u8(..5) == 0 { ' ' } else { random.lowercase() }).collect();
        learner.learn(ticket, &text, Some(DESK[ticket as usize % 3].0), &mut buffers).unwrap();
        most = most.max(learner.bytes());
    }
    assert!(most < 100_000 + (128 << 10) + 5000 * 64, "{most}");
    assert!(learner.refit());
    assert!(learner.bytes() < 100_000 + (128 << 10) + 5000 * 64, "{}", learner.bytes());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// R2, R5: whatever was learnt in whatever order, the last correction holds, probabilities are probabilities, and a saved
    /// learner says the same.
    #[test]
    fn learning_then_predicting_is_stable(
        lessons in prop::collection::vec(("[a-z]{3,8}( [a-z]{3,8}){2,8}", 0usize..3), 1..30),
    ) {
        let learner = learner();
        let mut buffers = Buffers::default();
        for (text, category) in &lessons {
            learner.learn(0, text, Some(DESK[*category].0), &mut buffers).unwrap();
        }
        let again = Learner::from_bytes(&learner.to_bytes(), categories(), Settings::default()).unwrap();
        for (text, _) in &lessons {
            let prediction = learner.predict(text, 3, &mut buffers);
            prop_assert_eq!(&prediction, &learner.predict(text, 3, &mut buffers));
            prop_assert_eq!(&prediction, &again.predict(text, 3, &mut buffers));
            let sum: f32 = prediction.ranking.iter().map(|(_, share)| share).sum();
            prop_assert!(sum <= 1.001, "{:?}", prediction);
            prop_assert!(prediction.ranking.is_sorted_by(|one, other| one.1 >= other.1), "{:?}", prediction);
            prop_assert!((0.0..=1.0).contains(&prediction.out_of_scope));
        }
    }
}
