//! A query string, for every call that takes one: it is read, or refused with the parameter's name.

use hotdesk::http::list_query;
use hotdesk::http::params::Params;
use hotdesk::protocol::topic::Topic;

pub fn run(bytes: &[u8]) {
    let Ok(query) = std::str::from_utf8(bytes) else { return };
    for operation in hotdesk::http::operations() {
        let Ok(params) = Params::parse(query, operation.query) else { continue };
        if operation.id == "list_tickets" {
            let _ = list_query::parse(&params);
        }
    }
    let _ = Topic::parse_list(query);
}
