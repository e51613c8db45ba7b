//! What a person sees while a run lasts: a bar and the last second's figures; without a terminal a line every ten seconds.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::atomic::Ordering::Relaxed;

use indicatif::{ProgressBar, ProgressStyle};

use crate::ledger::Ledger;
use crate::meters::Point;
use crate::report::Load;

const EVERY_S: f64 = 10.0;

#[derive(Debug)]
pub struct View {
    bar: Option<ProgressBar>,
    title: String,
    next_line_s: f64,
    shown: (f64, u64),
}

impl View {
    pub fn new(title: &str, seconds: f64) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style = "{prefix:.bold} {bar:40} {elapsed_precise}\n{msg}";
            let bar = ProgressBar::new(seconds.ceil() as u64).with_prefix(title.to_owned());
            bar.with_style(ProgressStyle::with_template(style).expect("invariant: the template is right"))
        });
        Self { bar, title: title.to_owned(), next_line_s: EVERY_S, shown: (0.0, 0) }
    }

    pub fn show(&mut self, at_s: f64, points: &BTreeMap<&'static str, Point>, load: &Load, ledger: &Ledger) {
        let of = |series: &str| points.get(series).copied().unwrap_or_default();
        let (commands, reads, screen) = (of("commands"), of("reads"), of("screen"));
        let (then, before) = std::mem::replace(&mut self.shown, (at_s, load.shown));
        let shown = (load.shown - before) as f64 / (at_s - then).max(0.001);
        let open = ledger.open.load(Relaxed);
        let faults = ledger.fault_count();
        let broken = if faults > 0 { format!("   {faults} BROKEN") } else { String::new() };
        if let Some(bar) = &self.bar {
            bar.set_position(at_s as u64);
            bar.set_message(format!(
                "commands {:>6}/s   p50 {:>7.1} ms   p99 {:>7.1} ms   open {open:>5}\n\
                 screens  {shown:>6.0}/s   p50 {:>7.1} ms   p99 {:>7.1} ms   reads {:>5}/s\n\
                 server   {:>6.2} cores   {:>6.1} MiB   this program {:.2} cores{broken}",
                commands.count,
                commands.p50_ms,
                commands.p99_ms,
                screen.p50_ms,
                screen.p99_ms,
                reads.count,
                load.server_cores,
                load.rss_mib,
                load.own_cores
            ));
        } else if at_s >= self.next_line_s {
            self.next_line_s += EVERY_S;
            eprintln!(
                "{} {at_s:>5.0} s: {} commands/s p99 {:.1} ms, {shown:.0} records/s on screens p99 {:.1} ms, {} reads/s, \
                 {open} open, server {:.2} cores {:.1} MiB{broken}",
                self.title,
                commands.count,
                commands.p99_ms,
                screen.p99_ms,
                reads.count,
                load.server_cores,
                load.rss_mib
            );
        }
    }

    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
