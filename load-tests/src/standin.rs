//! `load-tests deepseek`: the stand-in for DeepSeek as a program, to try a desk with. Called by `main`.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use load_tests::deepseek::{Fake, Quirk};

#[derive(Debug, Args)]
pub struct Options {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:4010")]
    listen: SocketAddr,
    /// Before each answer
    #[arg(long, default_value_t = 500)]
    latency_ms: u64,
    /// How answers go wrong, in turn: spaces, null, cut, missing, swapped, octet-stream, too-many, hang, no-done, …
    #[arg(long = "quirk")]
    quirks: Vec<Quirk>,
}

/// Runs until it is ended, and says each second what it was asked.
pub async fn run(options: &Options) -> Result<()> {
    let fake = Fake::start(options.listen).await?;
    fake.set_latency(Duration::from_millis(options.latency_ms));
    fake.always(options.quirks.iter().copied());
    println!("listening on {}", fake.base_url());
    println!("start a desk with DEEPSEEK_API_KEY=sk-anything-at-all DEEPSEEK_BASE_URL={}", fake.base_url());
    let mut told = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let asked = fake.asked();
        if asked.len() > told {
            let tickets: usize = asked.iter().map(|asked| asked.tickets.len()).sum();
            let total = fake.total();
            println!(
                "{} requests, {tickets} tickets, {} tokens in ({} cached), {} out",
                asked.len(),
                total.prompt_tokens,
                total.prompt_cache_hit_tokens,
                total.completion_tokens
            );
            told = asked.len();
        }
    }
}
