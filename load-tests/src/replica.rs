//! The desk as an outsider folds it from records alone: tickets by their patches, and the board's hash.
//!
//! Written from the contract, on purpose without the server's own code: what both compute must agree. Called by `proof`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::client::desk::Snapshot;

/// Every ticket as its records say.
#[derive(Debug, Default)]
pub struct Replica {
    /// Seq of the last record that was applied.
    pub seq: u64,
    /// It began in the middle of the history.
    partial: bool,
    tickets: BTreeMap<u64, Ticket>,
    hash: u64,
}

#[derive(Clone, Debug, Default)]
struct Ticket {
    version: u64,
    fields: Map<String, Value>,
}

impl Ticket {
    fn is_active(&self) -> bool {
        self.fields.get("status").and_then(Value::as_str) != Some("closed")
    }

    /// Its share of the board's hash: nought while it is not on the board.
    fn share(&self, id: u64) -> u64 {
        if self.version > 0 && self.is_active() { fnv1a(format!("{id}:{}", self.version).as_bytes()) } else { 0 }
    }
}

impl Replica {
    /// Begins from a snapshot; closed tickets are not in it, and their next record is believed.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut replica = Self { seq: snapshot.seq, partial: snapshot.seq > 0, ..Self::default() };
        for ticket in &snapshot.board {
            let (Some(id), Some(version)) = (ticket["id"].as_u64(), ticket["version"].as_u64()) else { continue };
            let mut fields = ticket.as_object().cloned().unwrap_or_default();
            fields.remove("id");
            fields.remove("version");
            let ticket = Ticket { version, fields };
            replica.hash ^= ticket.share(id);
            replica.tickets.insert(id, ticket);
        }
        replica
    }

    /// Applies the next record, or says in one sentence why it cannot be the next one.
    pub fn apply(&mut self, record: &Value) -> Result<(), String> {
        let number = |name: &str| {
            record.get(name).and_then(Value::as_u64).ok_or_else(|| format!("a record has no number `{name}`: {record}"))
        };
        let (seq, id, version) = (number("seq")?, number("ticket")?, number("version")?);
        if seq != self.seq + 1 {
            return Err(format!("after seq {} came seq {seq}", self.seq));
        }
        let ticket = self.tickets.entry(id).or_default();
        let unknown = ticket.version == 0 && self.partial;
        if version != ticket.version + 1 && !unknown {
            return Err(format!("ticket {id}: after version {} came version {version} (seq {seq})", ticket.version));
        }
        let patch = record.get("patch").and_then(Value::as_object);
        let patch = patch.ok_or_else(|| format!("record {seq} has no patch"))?;
        self.hash ^= ticket.share(id);
        ticket.version = version;
        ticket.fields.extend(patch.iter().map(|(field, value)| (field.clone(), value.clone())));
        self.hash ^= ticket.share(id);
        self.seq = seq;
        Ok(())
    }

    /// FNV-1a 64 of `<id>:<version>` of every active ticket, combined by XOR, as 16 hex digits.
    pub fn board_hash(&self) -> String {
        format!("{:016x}", self.hash)
    }

    /// Active tickets as `/snapshot` would give them, by id.
    pub fn board(&self) -> BTreeMap<u64, Value> {
        self.tickets
            .iter()
            .filter(|(_, ticket)| ticket.is_active())
            .map(|(id, ticket)| {
                let mut fields = ticket.fields.clone();
                fields.insert("id".to_owned(), (*id).into());
                fields.insert("version".to_owned(), ticket.version.into());
                (*id, Value::Object(fields))
            })
            .collect()
    }
}

/// FNV-1a with 64 bits: offset basis and prime of the reference, <http://www.isthe.com/chongo/tech/comp/fnv/>.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(seq: u64, ticket: u64, version: u64, patch: Value) -> Value {
        json!({ "seq": seq, "ticket": ticket, "version": version, "patch": patch })
    }

    #[test]
    fn fnv1a_is_the_published_function() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn patches_make_the_board_and_its_hash() {
        let mut replica = Replica::default();
        replica.apply(&record(1, 7, 1, json!({ "subject": "a", "status": "new" }))).unwrap();
        replica.apply(&record(2, 8, 1, json!({ "subject": "b", "status": "new" }))).unwrap();
        replica.apply(&record(3, 7, 2, json!({ "status": "open" }))).unwrap();
        let both = fnv1a(b"7:2") ^ fnv1a(b"8:1");
        assert_eq!(replica.board_hash(), format!("{both:016x}"));
        assert_eq!(replica.board()[&7], json!({ "id": 7, "version": 2, "subject": "a", "status": "open" }));

        replica.apply(&record(4, 8, 2, json!({ "status": "closed" }))).unwrap();
        assert_eq!(replica.board_hash(), format!("{:016x}", fnv1a(b"7:2")));
        assert_eq!(replica.board().len(), 1);
    }

    #[test]
    fn gaps_and_repeats_are_refused() {
        let mut replica = Replica::default();
        replica.apply(&record(1, 7, 1, json!({}))).unwrap();
        assert!(replica.apply(&record(1, 7, 1, json!({}))).unwrap_err().contains("seq"));
        assert!(replica.apply(&record(3, 7, 2, json!({}))).unwrap_err().contains("seq"));
        assert!(replica.apply(&record(2, 7, 3, json!({}))).unwrap_err().contains("version"));
        assert!(replica.apply(&record(2, 7, 2, json!({}))).is_ok());
    }
}
