//! How the journal's bytes are written: the sums that chain one record to the one before it.
//!
//! Never touches a file. Called by the writer, the stores, the verifier and the archives.

/// The sum of a record: CRC-32C (Castagnoli, RFC 3720) of its JSON, continued from the sum of the record before it, so that one
/// sum vouches for the whole history up to it. The first record continues from 0.
pub fn chain(crc_before: u32, json: &[u8]) -> u32 {
    crc32c::crc32c_append(crc_before, json)
}
