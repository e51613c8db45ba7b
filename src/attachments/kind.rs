//! What a file is, by its bytes: what the sender called it counts for nothing. Pure.

/// So many bytes at the beginning are looked at.
pub const LOOKED_AT: usize = 8 * 1024;

const UNKNOWN: &str = "application/octet-stream";

/// Types that may go out under their own name. Everything else goes out as bytes without a type, and nothing is ever shown
/// inline: a browser is told to save it, in a sandbox.
const HARMLESS: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "application/pdf",
    "application/zip",
    "application/gzip",
    "text/plain",
];

/// The type that the beginning of a file shows.
pub fn media_type(head: &[u8]) -> &'static str {
    if let Some(kind) = infer::get(head) {
        return kind.mime_type();
    }
    // The last character may be cut in the middle.
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return UNKNOWN,
    };
    if text.is_empty() || text.contains('\0') {
        return UNKNOWN;
    }
    let lower = text.to_ascii_lowercase();
    if lower.contains("<svg") {
        "image/svg+xml"
    } else if ["<html", "<script", "<body", "<iframe", "<!doctype html"].iter().any(|tag| lower.contains(tag)) {
        "text/html"
    } else {
        "text/plain"
    }
}

/// The type under which it is sent.
pub fn served_as(media_type: &str) -> &str {
    let harmless =
        HARMLESS.contains(&media_type) || media_type.starts_with("audio/") || media_type.starts_with("video/");
    if harmless { media_type } else { UNKNOWN }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// X86: a file's type is what its bytes show; what a browser might run never goes out under its own name.
    #[test]
    fn x86_types_are_sniffed_and_what_runs_has_none() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
        for (bytes, kind, served) in [
            (&png[..], "image/png", "image/png"),
            (b"%PDF-1.7 ...", "application/pdf", "application/pdf"),
            (b"<svg xmlns='x' onload='alert(1)'/>", "image/svg+xml", UNKNOWN),
            (b"  <?xml version='1.0'?><svg/>", "", UNKNOWN),
            (b"<!DOCTYPE html><script>1</script>", "text/html", UNKNOWN),
            (b"hello <script>alert(1)</script>", "text/html", UNKNOWN),
            (b"\xef\xbb\xbf<html>", "", UNKNOWN),
            (b"just text, with \xc3\xa9", "text/plain", "text/plain"),
            (b"cut \xc3", "text/plain", "text/plain"),
            (b"a\0b", UNKNOWN, UNKNOWN),
            (b"\xff\xfe\xfd", UNKNOWN, UNKNOWN),
            (b"", UNKNOWN, UNKNOWN),
        ] {
            let found = media_type(bytes);
            assert!(kind.is_empty() || found == kind, "{found} for {}", String::from_utf8_lossy(bytes));
            assert_eq!(served_as(found), served, "{}", String::from_utf8_lossy(bytes));
        }
        for active in ["text/html", "image/svg+xml", "text/xml", "application/xhtml+xml", "text/javascript"] {
            assert_eq!(served_as(active), UNKNOWN);
        }
    }
}
