//! A line of the WebSocket: it is a message, or a refusal with a code; and so is the command in it.
#![no_main]

use hotdesk::protocol::frame::ClientFrame;
use hotdesk::protocol::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &str| {
    if let Ok(ClientFrame::Cmd(frame)) = ClientFrame::parse(line)
        && let Ok(command) = parse::command(frame.body, "/do")
    {
        // What was read can be written, and is the same when it is read again.
        let written = serde_json::to_string(&command).expect("a command is JSON");
        let again = serde_json::from_str(&written).expect("what was written can be read");
        assert_eq!(command, again);
    }
});
