//! A streamed answer, put together line by line: server-sent events with comments between them, which may end without `[DONE]`.

use serde::Deserialize;

use super::client::Reply;
use super::fault::Fault;
use super::ledger::Usage;

/// What has come so far.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    rest: Vec<u8>,
    reply: Reply,
    done: bool,
}

#[derive(Deserialize)]
struct Piece {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
}

impl Lines {
    /// Takes bytes as they come, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.line(line.trim_ascii())?;
        }
        Ok(())
    }

    /// What the model has written so far.
    pub fn text(&self) -> &str {
        self.reply.content.as_deref().unwrap_or("")
    }

    /// Whether `[DONE]` has come: nothing follows it.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// The stream ended. Without `[DONE]` it counts when the model said why it stopped, and is cut when it did not.
    pub fn end(mut self) -> Result<Reply, Fault> {
        let rest = std::mem::take(&mut self.rest);
        self.line(rest.trim_ascii())?;
        if self.reply == Reply::default() && !self.done {
            return Err(Fault::Empty);
        }
        if self.reply.finish.is_none() {
            // The parser of answers takes `length` for what it is: the end is missing.
            self.reply.finish = Some("length".to_owned());
        }
        Ok(self.reply)
    }

    /// `data: {…}`; empty lines, comments (`: keep-alive`) and other fields say nothing.
    fn line(&mut self, line: &[u8]) -> Result<(), Fault> {
        let Some(data) = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii) else { return Ok(()) };
        if self.done || data == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        let piece: Piece = serde_json::from_slice(data).map_err(|error| Fault::Unreadable(error.to_string()))?;
        if piece.usage.is_some() {
            self.reply.usage = piece.usage;
        }
        for choice in piece.choices {
            if let Some(content) = choice.delta.content {
                self.reply.content.get_or_insert_default().push_str(&content);
            }
            if choice.finish_reason.is_some() {
                self.reply.finish = choice.finish_reason;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STREAM: &str = ": keep-alive\n\n\n: keep-alive\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n\
        data: {\"choices\":[{\"delta\":{\"content\":\"{\\\"rö\"}}]}\r\n\r\n\
        data: {\"choices\":[{\"delta\":{\"content\":\"ws\\\":[]}\"},\"finish_reason\":\"stop\"}]}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_cache_hit_tokens\":4,\"prompt_cache_miss_tokens\":3,\"completion_tokens\":2}}\n\n";

    fn reply() -> Reply {
        let usage = Some(Usage { hit: 4, miss: 3, output: 2 });
        Reply { content: Some("{\"röws\":[]}".to_owned()), finish: Some("stop".to_owned()), usage }
    }

    /// R31: comments and empty lines are nothing, and the last line is not needed.
    #[test]
    fn r31_a_stream_may_end_without_done() {
        for end in ["", "data: [DONE]\n\n", "data: [DONE]"] {
            let mut lines = Lines::default();
            lines.push(format!("{STREAM}{end}").as_bytes()).unwrap();
            assert_eq!(lines.end(), Ok(reply()));
        }
    }

    #[test]
    fn a_stream_that_breaks_off_is_cut_and_one_of_comments_is_empty() {
        let mut lines = Lines::default();
        lines
            .push(STREAM.split("\"finish_reason\"").next().unwrap().rsplit_once("data:").unwrap().0.as_bytes())
            .unwrap();
        assert_eq!(lines.end().unwrap().finish.as_deref(), Some("length"));
        let mut lines = Lines::default();
        lines.push(b": keep-alive\n\n: keep-alive\n").unwrap();
        assert_eq!(lines.end(), Err(Fault::Empty));
        assert!(matches!(Lines::default().push(b"data: {\"choices\":3}\n"), Err(Fault::Unreadable(_))));
    }

    proptest! {
        /// R31: it does not matter where the bytes are cut.
        #[test]
        fn bytes_may_be_cut_anywhere(cuts in prop::collection::vec(0usize..STREAM.len(), 0..12)) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let mut lines = Lines::default();
            for cut in cuts.windows(2) {
                lines.push(&STREAM.as_bytes()[cut[0]..cut[1]]).unwrap();
            }
            prop_assert_eq!(lines.end(), Ok(reply()));
        }
    }
}
