//! Lines in SVG, for a page without scripts: axes with round numbers, at most four lines, the faults as vertical marks.
//!
//! Pure. Colours are names that the page's style sheet gives for light and dark. Called by `page`.

use std::fmt::Write as _;

use crate::bench::figures::number;
use crate::report::Event;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 210.0;
const LEFT: f64 = 58.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;
const TICKS: f64 = 4.0;
/// More points than this are thinned out: nobody sees them.
const POINTS: usize = 600;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Across {
    /// Seconds since the load began.
    Time,
    /// The share that stayed within, drawn ever wider towards all: `1 - 1/10^x`.
    Share,
}

#[derive(Debug)]
pub struct Plot<'a> {
    pub title: &'a str,
    pub unit: &'a str,
    pub across: Across,
    /// Heights by their logarithms, for latencies that span powers of ten.
    pub log: bool,
    /// Name and points; drawn and coloured in this order.
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
    pub events: &'a [Event],
    /// The part before it is not in the figures.
    pub warm_up_s: f64,
}

impl Plot<'_> {
    /// A figure with its legend; nothing where nothing was measured.
    pub fn figure(&self) -> String {
        let lines: Vec<_> = self.lines.iter().filter(|(_, points)| points.len() > 1).collect();
        if lines.is_empty() {
            return String::new();
        }
        let all = || lines.iter().flat_map(|(_, points)| points.iter());
        let right = all().map(|(x, _)| self.x(*x)).fold(f64::MIN, f64::max);
        let left =
            if self.across == Across::Time { 0.0 } else { all().map(|(x, _)| self.x(*x)).fold(f64::MAX, f64::min) };
        let highest = all().map(|(_, y)| *y).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
        let lowest = all().map(|(_, y)| *y).filter(|y| *y > 0.0).fold(f64::MAX, f64::min).min(highest);
        let heights = if self.log { powers(lowest, highest) } else { rounds(highest) };
        let (bottom, top) = (self.y(heights[0]), self.y(heights[heights.len() - 1]));
        let across = |x: f64| LEFT + (self.x(x) - left) / (right - left).max(1e-9) * (WIDTH - LEFT - RIGHT);
        let up = |y: f64| {
            let share = (self.y(y.max(heights[0])) - bottom) / (top - bottom).max(1e-9);
            HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
        };

        let mut svg = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            escape(&format!("{}, {}", self.title, self.unit))
        );
        if self.across == Across::Time && self.warm_up_s > 0.0 {
            let _ = write!(
                svg,
                "<rect class=\"warm\" x=\"{LEFT}\" y=\"{TOP}\" width=\"{:.1}\" height=\"{:.1}\"><title>warm-up: not in the \
                 figures</title></rect>",
                (across(self.warm_up_s) - LEFT).max(0.0),
                HEIGHT - TOP - BOTTOM
            );
        }
        for height in &heights {
            let y = up(*height);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>",
                WIDTH - RIGHT
            );
            let _ = write!(
                svg,
                "<text class=\"tick\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.0,
                tick(*height)
            );
        }
        for (x, label) in self.marks(left, right) {
            let x = LEFT + (x - left) / (right - left).max(1e-9) * (WIDTH - LEFT - RIGHT);
            let _ = write!(
                svg,
                "<text class=\"tick\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                HEIGHT - 6.0
            );
        }
        if self.across == Across::Time {
            for event in self.events {
                let x = across(event.at_s);
                let _ = write!(
                    svg,
                    "<line class=\"event\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{}\"><title>{} at {:.1} s</title></line>",
                    HEIGHT - BOTTOM,
                    escape(&event.what),
                    event.at_s
                );
            }
        }
        for (place, (name, points)) in lines.iter().enumerate() {
            let step = points.len().div_ceil(POINTS).max(1);
            let path: Vec<String> = points
                .chunks(step)
                .filter_map(|chunk| chunk.iter().max_by(|one, two| one.1.total_cmp(&two.1)))
                .map(|(x, y)| format!("{:.1},{:.1}", across(*x), up(*y)))
                .collect();
            let _ = write!(
                svg,
                "<polyline class=\"line c{place}\" points=\"{}\"><title>{}</title></polyline>",
                path.join(" "),
                escape(name)
            );
        }
        svg.push_str("</svg>");

        let legend: String = lines
            .iter()
            .enumerate()
            .map(|(place, (name, _))| format!("<span class=\"key\"><i class=\"c{place}\"></i>{}</span>", escape(name)))
            .collect();
        format!(
            "<figure><figcaption><b>{}</b> <small>{}</small><span class=\"legend\">{legend}</span></figcaption>{svg}</figure>",
            escape(self.title),
            escape(self.unit)
        )
    }

    fn x(&self, x: f64) -> f64 {
        match self.across {
            Across::Time => x,
            Across::Share => -(1.0 - x).max(1e-9).log10(),
        }
    }

    fn y(&self, y: f64) -> f64 {
        if self.log { y.max(f64::MIN_POSITIVE).log10() } else { y }
    }

    /// Where labels stand below, in the axis' own measure.
    fn marks(&self, left: f64, right: f64) -> Vec<(f64, String)> {
        match self.across {
            Across::Time => rounds(right)
                .into_iter()
                .filter(|second| *second <= right)
                .map(|second| (second, format!("{} s", tick(second))))
                .collect(),
            Across::Share => [(0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %")]
                .into_iter()
                .map(|(share, label)| (self.x(share), label.to_owned()))
                .filter(|(x, _)| (left..=right).contains(x))
                .collect(),
        }
    }
}

/// Nought and round numbers up to at least the highest.
fn rounds(highest: f64) -> Vec<f64> {
    let rough = highest / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|step| step * power).find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let count = (highest / step).ceil().max(1.0) as usize;
    (0..=count).map(|place| place as f64 * step).collect()
}

/// Powers of ten around both.
fn powers(lowest: f64, highest: f64) -> Vec<f64> {
    let (first, last) = (lowest.log10().floor() as i32, highest.log10().ceil() as i32);
    (first..=last.max(first + 1)).map(|power| 10_f64.powi(power)).collect()
}

fn tick(value: f64) -> String {
    let text = number(value);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers() {
        assert_eq!(rounds(7.3), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(rounds(1000.0), [0.0, 250.0, 500.0, 750.0, 1000.0]);
        assert_eq!(powers(0.4, 80.0), [0.1, 1.0, 10.0, 100.0]);
        assert_eq!(powers(1.0, 1.0), [1.0, 10.0]);
        assert_eq!((tick(0.5), tick(10.0), tick(2500.0)), ("0.5".to_owned(), "10".to_owned(), "2,500".to_owned()));
    }

    #[test]
    fn a_plot_stays_within_its_frame_and_names_what_it_shows() {
        let events = [Event { at_s: 3.0, what: "kill -9".to_owned() }];
        let plot = Plot {
            title: "Commands <all>",
            unit: "ms",
            across: Across::Time,
            log: false,
            lines: vec![("p99".to_owned(), (0..2000).map(|x| (f64::from(x) / 100.0, f64::from(x % 7))).collect())],
            events: &events,
            warm_up_s: 2.0,
        };
        let figure = plot.figure();
        assert!(figure.contains("Commands &lt;all&gt;") && figure.contains("kill -9 at 3.0 s"));
        let points = figure.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        let points: Vec<(f64, f64)> = points
            .split(' ')
            .map(|pair| pair.split_once(',').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).unwrap())
            .collect();
        assert!(points.len() <= POINTS);
        assert!(points.iter().all(|(x, y)| (LEFT..=WIDTH).contains(x) && (TOP..=HEIGHT - BOTTOM).contains(y)));
    }

    #[test]
    fn nothing_measured_is_nothing_drawn() {
        let plot = Plot {
            title: "",
            unit: "",
            across: Across::Share,
            log: true,
            lines: vec![("one".to_owned(), vec![(0.5, 1.0)])],
            events: &[],
            warm_up_s: 0.0,
        };
        assert_eq!(plot.figure(), "");
    }
}
