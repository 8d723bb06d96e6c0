//! A figure of several variants as bars, with the range of its rounds; dots where the axis is
//! logarithmic, since a bar has to begin at zero.

use std::fmt::Write;

use super::axis::Axis;
use super::number::{escape, number, tick};
use super::unit;
use crate::case::Plot;
use crate::median::Spread;

const WIDTH: f64 = 760.0;
/// Behind it is room for a number.
const RIGHT: f64 = 650.0;
/// Of a letter, in the larger print of narrow windows.
const LETTER: f64 = 11.8;
const TOP: f64 = 30.0;
const ROW: f64 = 30.0;

/// Draws a bar per variant.
pub fn draw(plot: &Plot, bars: &[(&str, Spread)]) -> String {
    let ends = bars.iter().flat_map(|(_, spread)| [spread.min, spread.max]);
    let axis = if plot.log { Axis::log(ends) } else { Axis::linear(ends) };
    let longest = bars.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let left = (longest as f64 * LETTER + 16.0).clamp(90.0, 360.0);
    let across = |value: f64| left + axis.place(value) * (RIGHT - left);
    let bottom = TOP + ROW * bars.len() as f64;
    let mut svg = format!(
        "<svg viewBox='0 0 {WIDTH} {}' role='img' aria-label=\"{}\">\n\
         <text class='unit' x='{left}' y='14'>{}</text>\n",
        bottom + 30.0,
        escape(&plot.shows),
        unit(&plot.y, plot.log)
    );
    for &value in &axis.ticks {
        let _ = writeln!(
            svg,
            "<line class='grid' x1='{0:.1}' x2='{0:.1}' y1='{TOP}' y2='{bottom}'/>\
             <text class='tick' x='{0:.1}' y='{1}' text-anchor='middle'>{2}</text>",
            across(value),
            bottom + 18.0,
            tick(value)
        );
    }
    for (row, (name, spread)) in bars.iter().enumerate() {
        let top = TOP + ROW * row as f64;
        let middle = top + ROW / 2.0;
        let at = across(spread.median);
        let _ = writeln!(
            svg,
            "<g><title>{name}: {median} ({min} to {max})</title>\
             <text class='name' x='{label}' y='{base:.1}' text-anchor='end'>{name}</text>{mark}\
             <line class='range' x1='{low:.1}' x2='{high:.1}' y1='{middle}' y2='{middle}'/>\
             <text class='value' x='{beyond:.1}' y='{base:.1}'>{median}</text></g>",
            name = escape(name),
            median = number(spread.median),
            min = number(spread.min),
            max = number(spread.max),
            label = left - 10.0,
            base = middle + 4.5,
            mark = mark(plot.log, left, at, top),
            low = across(spread.min),
            high = across(spread.max),
            beyond = across(spread.max.max(spread.median)) + 10.0,
        );
    }
    svg + "</svg>\n"
}

fn mark(log: bool, left: f64, at: f64, top: f64) -> String {
    if log {
        let middle = top + ROW / 2.0;
        return format!("<circle class='fill c0' cx='{at:.1}' cy='{middle}' r='6'/>");
    }
    format!(
        "<rect class='fill c0' x='{left}' y='{:.1}' width='{:.1}' height='{}' rx='2'/>",
        top + 6.0,
        (at - left).max(1.0),
        ROW - 12.0
    )
}
