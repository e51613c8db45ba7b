//! The client against a stand-in that speaks HTTP by hand.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// Answers one connection after the other with these bytes, and gives back what was asked; `None` says nothing for ever.
async fn stand_in(replies: Vec<Option<String>>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut asked = Vec::new();
        for reply in replies {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while !String::from_utf8_lossy(&request).contains("\r\n\r\n{") || !request.ends_with(b"}") {
                let read = socket.read(&mut buffer).await.unwrap();
                assert!(read > 0, "the client left");
                request.extend_from_slice(&buffer[..read]);
            }
            asked.push(String::from_utf8(request).unwrap());
            if let Some(reply) = reply {
                socket.write_all(reply.as_bytes()).await.unwrap();
                continue;
            }
            // Keep-alives without end, as before inference begins.
            socket.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await.unwrap();
            while socket.write_all(b"\n").await.is_ok() {
                tokio::task::yield_now().await;
            }
        }
        asked
    });
    (url, task)
}

fn http(status: &str, head: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{head}\r\n{body}")
}

fn answer() -> String {
    let usage = json!({"prompt_cache_hit_tokens": 1, "prompt_cache_miss_tokens": 2, "completion_tokens": 3});
    let choice = json!({"message": {"role": "assistant", "content": "{}"}, "finish_reason": "stop"});
    format!("\n\n\n{}", json!({"choices": [choice], "usage": usage}))
}

fn client(url: &str, deadline_ms: u64) -> Client {
    let policy = RetryPolicy { base_ms: 1, ..RetryPolicy::default() };
    Client::new(url, "sk-secret", Duration::from_millis(deadline_ms), policy).unwrap()
}

async fn called(client: &Client) -> Called {
    client.call(&json!({"model": "m"}), async || true, &mut fastrand::Rng::with_seed(1)).await
}

/// R32: empty lines before an answer are nothing; the key goes out in its header and is printed nowhere.
#[tokio::test]
async fn r32_an_answer_after_empty_lines_is_read() {
    let (url, asked) = stand_in(vec![Some(http("200 OK", "", &answer()))]).await;
    let client = client(&url, 20_000);
    let called = called(&client).await;
    let reply = called.outcome.unwrap();
    assert_eq!((reply.content.as_deref(), reply.finish(), called.tries), (Some("{}"), Finish::Stop, 1));
    assert_eq!(reply.usage, Some(Usage { hit: 1, miss: 2, output: 3 }));
    let request = asked.await.unwrap().remove(0).to_lowercase();
    assert!(request.starts_with("post /chat/completions") && request.contains("authorization: bearer sk-secret"));
    assert!(!format!("{client:?}").contains("secret"));
}

/// R27, R32: busy and failing answers are tried again, refusals are not, and a long wait is not waited for.
#[tokio::test]
async fn r32_only_what_may_pass_is_tried_again() {
    let busy = || Some(http("429 Too Many Requests", "retry-after: 0\r\n", "{}"));
    let (url, _) =
        stand_in(vec![busy(), Some(http("503 Unavailable", "", "")), Some(http("200 OK", "", &answer()))]).await;
    let ended = called(&client(&url, 20_000)).await;
    assert!(ended.outcome.is_ok() && ended.tries == 3, "{ended:?}");

    let (url, _) = stand_in(vec![busy(), busy(), busy()]).await;
    let ended = called(&client(&url, 20_000)).await;
    assert!(matches!(ended.outcome, Err(Fault::TooMany { .. })) && ended.tries == 3, "{ended:?}");

    let refusal = r#"{"error":{"message":"no such model"}}"#;
    for (reply, tries) in [
        (http("400 Bad Request", "content-type: application/octet-stream\r\n", refusal), 1),
        (http("401 Unauthorized", "", ""), 1),
        (http("402 Payment Required", "", ""), 1),
        (http("429 Too Many Requests", "retry-after: 61\r\n", ""), 1),
        (http("302 Found", "location: http://127.0.0.1:9/\r\n", ""), 3),
    ] {
        let (url, _) = stand_in(vec![Some(reply.clone()); 3]).await;
        let ended = called(&client(&url, 20_000)).await;
        assert!(ended.outcome.is_err() && ended.tries == tries, "{reply:?}: {ended:?}");
    }
}

/// R32: one deadline ends the whole call, however lively the line is.
#[tokio::test]
async fn r32_keep_alives_do_not_move_the_deadline() {
    let (url, _) = stand_in(vec![None, None, None]).await;
    let ended = called(&client(&url, 300)).await;
    assert!(matches!(ended.outcome, Err(Fault::Deadline)) && ended.tries == 1, "{ended:?}");
}
