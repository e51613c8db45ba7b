//! A line of the WebSocket: it is a message, or a refusal with a code; and so is the command in it.

use hotdesk::protocol::frame::ClientFrame;
use hotdesk::protocol::parse;

pub fn run(bytes: &[u8]) {
    let Ok(line) = std::str::from_utf8(bytes) else { return };
    if let Ok(ClientFrame::Cmd(frame)) = ClientFrame::parse(line)
        && let Ok(command) = parse::command(frame.body, "/do")
    {
        // What was read can be written, and is the same when it is read again.
        let written = serde_json::to_string(&command).expect("a command is JSON");
        let again = serde_json::from_str(&written).expect("what was written can be read");
        assert_eq!(command, again);
    }
}
