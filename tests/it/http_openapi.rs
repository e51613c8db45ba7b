//! The API's document in the tree is the one that the code gives. `UPDATE_GENERATED=1 cargo test openapi` writes it.

use std::path::Path;

/// S33: `docs/openapi.json` is what the server answers at `/api/v1/openapi.json`.
#[test]
fn s33_the_committed_openapi_document_is_current() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    let fresh = hotdesk::http::openapi::print();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&committed, &fresh).unwrap();
    }
    let known = std::fs::read_to_string(&committed).unwrap_or_default();
    assert!(known == fresh, "docs/openapi.json has drifted: run UPDATE_GENERATED=1 cargo test openapi");
}
