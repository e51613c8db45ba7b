//! A scenario file: who comes to the desk, what they do and how often, what goes wrong meanwhile, and what must hold.
//!
//! Pure: reads TOML and refuses what cannot be meant. The scenarios of this repository are inside the program, so that it can
//! be copied anywhere; a path names any other file. Called by `run`.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::people::deed::Deed;
use crate::proxy::Weather;

const BUILT_IN: [(&str, &str); 15] = [
    ("smoke", include_str!("../scenarios/smoke.toml")),
    ("shift", include_str!("../scenarios/shift.toml")),
    ("claim-race", include_str!("../scenarios/claim-race.toml")),
    ("fan-out", include_str!("../scenarios/fan-out.toml")),
    ("fan-out-5000", include_str!("../scenarios/fan-out-5000.toml")),
    ("burst", include_str!("../scenarios/burst.toml")),
    ("slow-readers", include_str!("../scenarios/slow-readers.toml")),
    ("reconnect-storm", include_str!("../scenarios/reconnect-storm.toml")),
    ("restart", include_str!("../scenarios/restart.toml")),
    ("kills", include_str!("../scenarios/kills.toml")),
    ("drain", include_str!("../scenarios/drain.toml")),
    ("soak", include_str!("../scenarios/soak.toml")),
    ("history", include_str!("../scenarios/history.toml")),
    ("bad-lines", include_str!("../scenarios/bad-lines.toml")),
    ("triage", include_str!("../scenarios/triage.toml")),
];

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// One sentence for the report.
    pub about: String,
    /// How long the load lasts.
    pub seconds: f64,
    /// The beginning of it that is not in the figures; everything is checked from the first command on.
    #[serde(default)]
    pub warm_up_s: f64,
    #[serde(default)]
    pub desk: Stage,
    #[serde(rename = "crowd")]
    pub crowds: Vec<Crowd>,
    #[serde(default)]
    pub faults: Faults,
    /// Short windows of concurrent operations on an empty queue, checked for linearizability, before the load begins.
    pub windows: Option<Windows>,
    /// A bad line between everybody and the server.
    pub weather: Option<Weather>,
    /// A stand-in for DeepSeek, which sorts what comes in.
    pub service: Option<Service>,
    #[serde(default)]
    pub thresholds: BTreeMap<String, Bound>,
}

/// The desk as the people find it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stage {
    /// Tickets that are opened before anybody comes.
    pub tickets: usize,
    /// Tickets of a past that was imported.
    pub history: Option<Past>,
    /// Starts on that past, each timed.
    pub starts: usize,
    /// Environment of the server.
    pub settings: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    pub tickets: u64,
    /// Those that are not closed.
    pub active: u64,
}

/// What answers for DeepSeek.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Service {
    /// Before each answer.
    pub latency_ms: u64,
    /// How its answers go wrong, in turn.
    pub quirks: Vec<String>,
    /// Plays the same without triage first: `triage.p99_ratio` is the commands' p99 with it over that without it.
    pub compare: bool,
}

/// People of one kind.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Crowd {
    pub name: String,
    pub role: Role,
    pub count: usize,
    #[serde(default)]
    pub over: Over,
    /// Mean time between two deeds of one person; the times are exponential, so that arrivals do not wait for answers.
    pub think_s: Option<f64>,
    /// Instead of it: deeds of the whole crowd.
    pub per_second: Option<f64>,
    /// How often each deed is chosen, by weight.
    #[serde(default)]
    pub mix: BTreeMap<Deed, u32>,
    /// When the crowd begins and stops to act; it is connected all the time.
    #[serde(default)]
    pub from_s: f64,
    pub until_s: Option<f64>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Agent,
    Supervisor,
    /// Speaks over HTTP with a token of the desk, as a web form would.
    Customer,
    /// Subscribes to the board, checks every record, and says nothing.
    Reader,
    /// Subscribes to the board and never reads.
    Stuck,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    #[default]
    Socket,
    Http,
}

/// What is done to the server.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// `kill -9`, then a start on the same data, this often.
    pub kill_every_s: Option<f64>,
    /// How many of those starts are killed as well, 0 to 1.
    pub kill_while_starting: f64,
    /// SIGTERM, a wait for the end, and a new process on the same data, this often.
    pub drain_every_s: Option<f64>,
    /// Those who lost their connection come back within this time, each at a moment of its own.
    pub back_within_s: f64,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    pub count: usize,
    pub clients: usize,
    /// Operations of each client in a window.
    pub operations: usize,
}

/// What a figure must be, or the run has failed.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    pub at_most: Option<f64>,
    pub at_least: Option<f64>,
}

impl Bound {
    pub fn holds(&self, value: f64) -> bool {
        self.at_most.is_none_or(|bound| value <= bound) && self.at_least.is_none_or(|bound| value >= bound)
    }
}

impl Crowd {
    /// Mean time between two deeds of one person.
    pub fn period_s(&self) -> Option<f64> {
        self.think_s.or_else(|| self.per_second.map(|rate| self.count as f64 / rate))
    }

    pub fn acts(&self) -> bool {
        !matches!(self.role, Role::Reader | Role::Stuck)
    }
}

impl Scenario {
    /// By the name of one that comes with the program, or from a file.
    pub fn load(name: &str) -> Result<(String, Self)> {
        let text = match BUILT_IN.iter().find(|(known, _)| *known == name) {
            Some((_, text)) => (*text).to_owned(),
            None if name.contains('.') || name.contains('/') => {
                std::fs::read_to_string(name).with_context(|| format!("cannot read {name}"))?
            }
            None => bail!("there is no scenario `{name}`; there are {}, or give a file", Self::names().join(", ")),
        };
        let title = Path::new(name).file_stem().map_or(name.to_owned(), |stem| stem.to_string_lossy().into_owned());
        let scenario = Self::parse(&text).with_context(|| format!("the scenario {name} cannot be used"))?;
        Ok((title, scenario))
    }

    pub fn names() -> Vec<&'static str> {
        BUILT_IN.iter().map(|(name, _)| *name).collect()
    }

    pub fn parse(text: &str) -> Result<Self> {
        let scenario: Self = toml::from_str(text)?;
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<()> {
        ensure!(self.seconds > 0.0 && self.warm_up_s < self.seconds, "the warm-up must end before the load does");
        ensure!(!self.crowds.is_empty(), "nobody comes");
        for crowd in &self.crowds {
            let name = &crowd.name;
            ensure!(crowd.count > 0, "the crowd `{name}` has nobody in it");
            if crowd.acts() {
                ensure!(
                    crowd.think_s.is_some() != crowd.per_second.is_some(),
                    "the crowd `{name}` needs either `think_s` or `per_second`"
                );
                ensure!(crowd.period_s().is_some_and(|period| period > 0.0), "the crowd `{name}` never rests");
                ensure!(crowd.mix.values().any(|weight| *weight > 0), "the crowd `{name}` has nothing to do");
                let socket = crowd.over == Over::Socket;
                ensure!(!(crowd.role == Role::Customer && socket), "customers come `over = \"http\"` (`{name}`)");
            } else {
                ensure!(crowd.mix.is_empty(), "the crowd `{name}` says nothing, so it has no mix");
            }
        }
        for quirk in self.service.iter().flat_map(|service| &service.quirks) {
            if let Err(known) = quirk.parse::<load_tests::deepseek::Quirk>() {
                bail!("there is no quirk `{quirk}`; {known}");
            }
        }
        let faults = &self.faults;
        ensure!(
            faults.kill_every_s.is_none() || faults.drain_every_s.is_none(),
            "a run either kills the server or drains it"
        );
        for (name, bound) in &self.thresholds {
            ensure!(bound.at_most.is_some() || bound.at_least.is_some(), "the threshold `{name}` has no bound");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_of_the_program_can_be_used() {
        for name in Scenario::names() {
            let (title, scenario) = Scenario::load(name).unwrap();
            assert_eq!(title, name);
            assert!(!scenario.thresholds.is_empty(), "{name} would pass whatever it measured");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let crowd = "[[crowd]]\nname = \"a\"\nrole = \"agent\"\ncount = 1\n";
        for (text, part) in [
            ("about = \"x\"\nseconds = 5\ncrowd = []", "nobody"),
            (&format!("about = \"x\"\nseconds = 5\n{crowd}"), "either"),
            (&format!("about = \"x\"\nseconds = 5\n{crowd}think_s = 1\n"), "nothing to do"),
            (&format!("about = \"x\"\nseconds = 5\nwarm_up_s = 5\n{crowd}think_s = 1\n"), "warm-up"),
            (&format!("about = \"x\"\nseconds = 5\n{crowd}think_s = 1\nmix = {{ dance = 1 }}\n"), "dance"),
            (&format!("about = \"x\"\nseconds = 5\n{crowd}thinks = 1\n"), "thinks"),
        ] {
            let error = format!("{:#}", Scenario::parse(text).unwrap_err());
            assert!(error.contains(part), "{error}");
        }
        assert!(format!("{:#}", Scenario::load("nonsense").unwrap_err()).contains("claim-race"));
    }

    #[test]
    fn a_bound_holds_at_its_edge() {
        let bound = Bound { at_most: Some(5.0), at_least: Some(1.0) };
        assert!(bound.holds(5.0) && bound.holds(1.0));
        assert!(!bound.holds(5.1) && !bound.holds(0.9));
    }
}
