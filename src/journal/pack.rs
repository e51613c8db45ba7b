//! Packing of what lies in the tree: LZ4, with a dictionary for what is too short to repeat itself.
//!
//! Packed bytes begin with one that says how, then the length of what was packed in four bytes. The dictionary is a part of the format:
//! another one needs another number. Called by [`format`](super::format) and the sled store.

/// As it is.
const PLAIN: u8 = 0;
const LZ4: u8 = 1;
/// With [`DICTIONARY`] before it.
const LZ4_AFTER_DICTIONARY: u8 = 2;

/// The dictionary costs time, and what is longer than this has enough of its own to repeat.
const DICTIONARY_UP_TO_BYTES: usize = 4096;

/// No value is longer: what says so was not written by us.
const LONGEST_BYTES: usize = 256 << 20;

/// A record and a state as they are written, the most usual parts last.
const DICTIONARY: &[u8] = include_bytes!("pack/dictionary-2.txt");

pub fn pack(raw: &[u8]) -> Vec<u8> {
    let with_dictionary = raw.len() <= DICTIONARY_UP_TO_BYTES;
    let longest = lz4_flex::block::get_maximum_output_size(raw.len());
    let mut packed = vec![0; 5 + longest];
    packed[1..5]
        .copy_from_slice(&u32::try_from(raw.len()).expect("invariant: values are far below 4 GiB").to_be_bytes());
    let outcome = if with_dictionary {
        packed[0] = LZ4_AFTER_DICTIONARY;
        lz4_flex::block::compress_into_with_dict(raw, &mut packed[5..], DICTIONARY)
    } else {
        packed[0] = LZ4;
        lz4_flex::block::compress_into(raw, &mut packed[5..])
    };
    let length = outcome.expect("invariant: there is room for the longest outcome");
    if length < raw.len() {
        packed.truncate(5 + length);
        return packed;
    }
    packed[0] = PLAIN;
    packed[5..5 + raw.len()].copy_from_slice(raw);
    packed.truncate(5 + raw.len());
    packed
}

/// What was packed; `None` when these bytes were not made by [`pack`].
pub fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let (how, rest) = packed.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = u32::from_be_bytes(*length) as usize;
    if length > LONGEST_BYTES {
        return None;
    }
    let raw = match *how {
        PLAIN => rest.to_vec(),
        LZ4 => lz4_flex::block::decompress(rest, length).ok()?,
        LZ4_AFTER_DICTIONARY => lz4_flex::block::decompress_with_dict(rest, length, DICTIONARY).ok()?,
        _ => return None,
    };
    (raw.len() == length).then_some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// J52
    #[test]
    fn j52_what_was_packed_comes_back() {
        let json = br#"{"ticket":{"id":7,"version":1,"subject":"Parcel","status":"new","priority":"normal"}}"#;
        let noise: Vec<u8> = (0..9000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for raw in [&b""[..], b"x", json, &json.repeat(100), &noise, &noise[..100]] {
            let packed = pack(raw);
            assert!(packed.len() <= raw.len() + 5);
            assert_eq!(unpack(&packed).as_deref(), Some(raw));
        }
        assert!(pack(&json.repeat(100)).len() < json.len() * 3);
        assert!(pack(json).len() < json.len(), "the dictionary knows the words of a state");
    }

    /// J52
    #[test]
    fn j52_what_was_not_packed_is_refused() {
        let packed = pack(&b"hello ".repeat(1000));
        for cut in 0..packed.len() {
            assert_ne!(unpack(&packed[..cut]).map(|raw| raw.len()), Some(6000));
        }
        assert_eq!(unpack(&[9, 0, 0, 0, 0]), None);
        assert_eq!(unpack(&[1, 255, 255, 255, 255, 0]), None);
    }
}
