//! The samples of a run as a picture: four curves over time, one above the other.

use std::fmt::Write;

use super::sample::Sample;
use crate::rate::micros;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 120.0;
const LEFT: f64 = 90.0;
const GAP: f64 = 56.0;
const MIB: f64 = (1 << 20) as f64;

/// One curve: what it shows, a number per sample, and a bound to draw beside it.
struct Panel {
    title: String,
    values: Vec<f64>,
    bound: Option<f64>,
}

/// Draws private memory, data files, hits per second and the 99.9th percentile.
pub fn draw(samples: &[Sample], bound: u64) -> String {
    let panel = |title: &str, value: &dyn Fn(&Sample) -> f64, bound| Panel {
        title: title.to_owned(),
        values: samples.iter().map(value).collect(),
        bound,
    };
    let panels = [
        panel("private memory, MiB", &|s| s.private as f64 / MIB, Some(bound as f64 / MIB)),
        panel("data files, MiB", &|s| s.files as f64 / MIB, None),
        panel("thousand hits per second", &|s| s.hits.count() as f64 / s.interval / 1e3, None),
        panel("99.9 % of hits take at most, µs", &|s| micros(s.hits.quantile(0.999)), None),
    ];
    let height = panels.len() as f64 * (HEIGHT + GAP) + 40.0;
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='{}' height='{height}' \
         font-family='sans-serif' font-size='13'>\n\
         <rect width='100%' height='100%' fill='white'/>\n",
        LEFT + WIDTH + 30.0
    );
    let minutes = samples.last().map_or(1.0, |sample| sample.seconds / 60.0);
    for (number, panel) in panels.iter().enumerate() {
        draw_panel(&mut svg, panel, samples, 40.0 + number as f64 * (HEIGHT + GAP), minutes);
    }
    svg + "</svg>\n"
}

fn draw_panel(svg: &mut String, panel: &Panel, samples: &[Sample], top: f64, minutes: f64) {
    let most = panel.values.iter().copied().chain(panel.bound).fold(f64::MIN_POSITIVE, f64::max);
    let most = round_up(most);
    let (right, bottom) = (LEFT + WIDTH, top + HEIGHT);
    let y = |value: f64| bottom - value / most * HEIGHT;
    let _ = writeln!(
        svg,
        "<text x='{LEFT}' y='{}' font-weight='bold'>{}</text>",
        top - 10.0,
        panel.title
    );
    for part in 0..=2 {
        let value = most * f64::from(part) / 2.0;
        let _ = writeln!(
            svg,
            "<line x1='{LEFT}' x2='{right}' y1='{0}' y2='{0}' stroke='#ddd'/>\
             <text x='{1}' y='{2}' text-anchor='end'>{value}</text>",
            y(value),
            LEFT - 8.0,
            y(value) + 4.0
        );
    }
    for part in 0..=6 {
        let at = f64::from(part) / 6.0;
        let _ = writeln!(
            svg,
            "<text x='{}' y='{}' text-anchor='middle' fill='#666'>{:.0} min</text>",
            LEFT + at * WIDTH,
            bottom + 18.0,
            at * minutes
        );
    }
    if let Some(bound) = panel.bound {
        let _ = writeln!(
            svg,
            "<line x1='{LEFT}' x2='{right}' y1='{0}' y2='{0}' stroke='#c33' \
             stroke-dasharray='6 4'/>\
             <text x='{right}' y='{1}' text-anchor='end' fill='#c33'>bound</text>",
            y(bound),
            y(bound) - 5.0
        );
    }
    let points = samples.iter().zip(&panel.values);
    let points: Vec<_> = points
        .map(|(sample, &value)| {
            let x = LEFT + sample.seconds / 60.0 / minutes * WIDTH;
            format!("{x:.1},{:.1}", y(value))
        })
        .collect();
    let _ = writeln!(
        svg,
        "<polyline points='{}' fill='none' stroke='#246' stroke-width='1.5'/>",
        points.join(" ")
    );
}

/// The next of 1, 2, 4, 5, 8 and 10 times a power of ten.
fn round_up(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 4.0, 5.0, 8.0, 10.0];
    steps.map(|step| step * power).into_iter().find(|&step| step >= value).unwrap_or(value)
}
