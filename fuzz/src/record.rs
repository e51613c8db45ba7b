//! A record as it lies in the journal: it is refused, or it can be written as it was read, and applying it does not fail.

use hotdesk::domain::record::Record;

pub fn run(bytes: &[u8]) {
    let Ok(record) = serde_json::from_slice::<Record>(bytes) else { return };
    let written = serde_json::to_vec(&record).expect("a record is JSON");
    let again: Record = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(serde_json::to_vec(&again).expect("a record is JSON"), written);
    let id = record.draft.ticket;
    let version = record.draft.version;
    if let Some(mut ticket) = record.draft.patch.clone().into_ticket(id, version) {
        record.draft.patch.apply_to(&mut ticket);
    }
}
