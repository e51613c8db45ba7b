//! A query string, for every call that takes one: it is read, or refused with the parameter's name.
#![no_main]

use hotdesk::http::list_query;
use hotdesk::http::params::Params;
use hotdesk::protocol::topic::Topic;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|query: &str| {
    for operation in hotdesk::http::operations() {
        let Ok(params) = Params::parse(query, operation.query) else { continue };
        if operation.id == "list_tickets" {
            let _ = list_query::parse(&params);
        }
    }
    let _ = Topic::parse_list(query);
});
