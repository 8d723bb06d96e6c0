//! Curves of several variants over one axis, as SVG.

use std::fmt::Write;

use super::axis::Axis;
use super::number::{escape, tick};
use crate::case::Plot;
use crate::figures::Points;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 744.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 276.0;

/// Draws named curves.
pub fn draw(plot: &Plot, curves: &[(&str, Points)]) -> String {
    let all = || curves.iter().flat_map(|(_, points)| points.iter());
    let places = all().map(|(x, _)| *x);
    let x = if plot.log_x { Axis::log(places) } else { Axis::span(places, plot.x_step) };
    let values = all().map(|(_, y)| *y);
    let y = if plot.log { Axis::log(values) } else { Axis::linear(values) };
    let across = |value: f64| LEFT + x.place(value) * (RIGHT - LEFT);
    let up = |value: f64| BOTTOM - y.place(value) * (BOTTOM - TOP);
    let mut svg = format!(
        "<svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img' aria-label=\"{}\">\n\
         <text class='unit' x='{LEFT}' y='14'>{}</text>\n",
        escape(&plot.shows),
        escape(&plot.y)
    );
    for &value in &y.ticks {
        let _ = writeln!(
            svg,
            "<line class='grid' x1='{LEFT}' x2='{RIGHT}' y1='{0:.1}' y2='{0:.1}'/>\
             <text class='tick' x='{1}' y='{2:.1}' text-anchor='end'>{3}</text>",
            up(value),
            LEFT - 10.0,
            up(value) + 4.0,
            tick(value)
        );
    }
    for &value in &x.ticks {
        let _ = writeln!(
            svg,
            "<text class='tick' x='{:.1}' y='{}' text-anchor='middle'>{}</text>",
            across(value),
            BOTTOM + 20.0,
            tick(value)
        );
    }
    let _ = writeln!(
        svg,
        "<text class='unit' x='{RIGHT}' y='{}' text-anchor='end'>{}</text>",
        HEIGHT - 6.0,
        escape(&plot.x)
    );
    for (number, (name, points)) in curves.iter().enumerate() {
        let mut line = String::new();
        for (at, (x, y)) in points.iter().enumerate() {
            let between = if at == 0 { "" } else { " " };
            let _ = write!(line, "{between}{:.1},{:.1}", across(*x), up(*y));
        }
        let _ = writeln!(
            svg,
            "<polyline class='line c{}' points='{line}'><title>{}</title></polyline>",
            number % super::COLOURS,
            escape(name)
        );
        if plot.over.is_some() {
            for (x, y) in points {
                let (x, y) = (across(*x), up(*y));
                let colour = number % super::COLOURS;
                let _ =
                    writeln!(svg, "<circle class='fill c{colour}' cx='{x:.1}' cy='{y:.1}' r='4'/>");
            }
        }
    }
    svg + "</svg>\n"
}
