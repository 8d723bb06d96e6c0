//! Curves of several variants over one axis, as SVG.

use std::fmt::Write;

use super::axis::Axis;
use super::number::{escape, tick};
use super::unit;
use crate::case::Plot;
use crate::figures::Points;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 78.0;
const RIGHT: f64 = 744.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 276.0;

/// A named curve.
pub struct Curve<'a> {
    pub name: &'a str,
    pub points: Points,
    /// By number, of the style sheet: a colour and a pattern of dashes.
    pub colour: usize,
}

/// The names of curves, if there are several.
pub fn legend(curves: &[Curve<'_>]) -> String {
    let mut html = "<ul class='legend'>".to_owned();
    for curve in curves.iter().filter(|_| curves.len() > 1) {
        let _ = write!(
            html,
            "<li><svg class='key' viewBox='0 0 34 8' aria-hidden='true'>\
             <line class='line c{}' x1='0' x2='34' y1='4' y2='4'/></svg>{}</li>",
            curve.colour,
            escape(&curve.name.replace('_', " "))
        );
    }
    html + "</ul>\n"
}

/// Draws curves.
pub fn draw(plot: &Plot, curves: &[Curve<'_>]) -> String {
    // Nothing has a place on a logarithmic axis that is not more than zero.
    let shown = |(_, y): &&(f64, f64)| !plot.log || *y > 0.0;
    let all = || curves.iter().flat_map(|curve| curve.points.iter()).filter(shown);
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
        unit(&plot.y, plot.log)
    );
    for &value in &y.ticks {
        let _ = writeln!(
            svg,
            "<line class='grid' x1='{LEFT}' x2='{RIGHT}' y1='{0:.1}' y2='{0:.1}'/>\
             <text class='tick' x='{1}' y='{2:.1}' text-anchor='end'>{3}</text>",
            up(value),
            LEFT - 8.0,
            up(value) + 4.5,
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
        HEIGHT - 4.0,
        unit(&plot.x, plot.log_x)
    );
    // The first in the legend lies on top.
    for Curve { name, points, colour } in curves.iter().rev() {
        let mut line = String::new();
        for (at, (x, y)) in points.iter().filter(shown).enumerate() {
            let between = if at == 0 { "" } else { " " };
            let _ = write!(line, "{between}{:.1},{:.1}", across(*x), up(*y));
        }
        let _ = writeln!(
            svg,
            "<polyline class='line c{colour}' points='{line}'><title>{}</title></polyline>",
            escape(name)
        );
        if plot.over.is_some() {
            for (x, y) in points.iter().filter(shown) {
                let (x, y) = (across(*x), up(*y));
                let _ =
                    writeln!(svg, "<circle class='fill c{colour}' cx='{x:.1}' cy='{y:.1}' r='4'/>");
            }
        }
    }
    svg + "</svg>\n"
}
