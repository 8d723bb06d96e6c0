//! One page of HTML that holds everything: sentences, findings, pictures, figures. It loads
//! nothing, and can be read by light and in the dark, and printed.

mod axis;
mod bars;
mod lines;
pub mod number;

use std::fmt::Write;

use crate::case::{Plot, PlotKind};
use crate::figures::{CaseResult, Checked, LeftOut, Measured, Points, Results};
use lines::Curve;
use number::{escape, number};

/// Colours of the style sheet.
const COLOURS: usize = 8;

const STYLE: &str = include_str!("style.css");

/// The report of a run.
pub fn page(results: &Results) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang='en'>\n<meta charset='utf-8'>\n\
         <meta name='viewport' content='width=device-width, initial-scale=1'>\n\
         <title>tallymap lab</title>\n<style>\n{STYLE}</style>\n\
         <header><p class='kicker'>tallymap lab</p><h1>{}</h1>\n",
        escape(&title(results))
    );
    html += "<dl class='environment'>";
    for (name, value) in results.environment.lines() {
        let _ = write!(html, "<div><dt>{name}</dt><dd>{}</dd></div>", escape(&value));
    }
    html += "</dl>\n";
    html += &command(&results.command);
    if results.cases.len() > 1 {
        html += "<nav><ol>";
        for case in &results.cases {
            let (name, title) = (escape(&case.case.name), escape(&case.case.title));
            let _ = write!(html, "<li><a href='#{name}'>{title}</a> {}</li>", tally(case));
        }
        html += "</ol></nav>\n";
    }
    html += "</header>\n<main>\n";
    for result in &results.cases {
        case(&mut html, result, results.cases.len() > 1);
    }
    html += "</main>\n<footer><p>Bars and points are medians of interleaved rounds; thin lines \
             reach from the least to the greatest. After every round each counter was compared \
             with a sum that was kept beside the engine.</p></footer>\n</html>\n";
    html
}

fn title(results: &Results) -> String {
    match results.cases.as_slice() {
        [case] => case.case.title.clone(),
        cases => format!("{} claims about counters, measured", cases.len()),
    }
}

/// How many findings of each verdict.
fn tally(case: &CaseResult) -> String {
    let words = ["confirmed", "corrected", "bounded", NOT_HELD];
    let count = |word: &str| case.findings.iter().filter(|it| verdict(it) == word).count();
    let counts = words.map(|word| (word, count(word))).into_iter().filter(|(_, n)| *n > 0);
    let mark = |(word, n)| format!("<span class='{}'><b>{n} {word}</b></span>", class(word));
    counts.map(mark).collect::<Vec<_>>().join(" ")
}

/// The word for a finding that is not so in this run.
const NOT_HELD: &str = "not in this run";

fn verdict(checked: &Checked) -> &'static str {
    if checked.held { checked.finding.verdict.word() } else { NOT_HELD }
}

fn class(verdict: &'static str) -> &'static str {
    if verdict == NOT_HELD { "not-held" } else { verdict }
}

fn command(command: &str) -> String {
    format!("<pre class='command'><code>$ {}</code></pre>\n", escape(command))
}

fn case(html: &mut String, result: &CaseResult, one_of_many: bool) {
    let case = &result.case;
    let title = match one_of_many {
        true => format!("<h2>{}</h2>\n", escape(&case.title)),
        false => String::new(),
    };
    let _ = write!(
        html,
        "<section id='{}'>\n{title}<blockquote><p>{}</p><cite>{}</cite></blockquote>\n",
        escape(&case.name),
        escape(&case.claim),
        escape(&case.source)
    );
    words(html, &case.words);
    *html += "<ul class='findings'>\n";
    for checked in &result.findings {
        let word = verdict(checked);
        let _ = writeln!(
            html,
            "<li class='{}'><b>{word}</b><p>{}</p><code>{}</code><span>{}</span></li>",
            class(word),
            escape(&checked.finding.says),
            escape(&checked.finding.holds),
            escape(&checked.numbers())
        );
    }
    for finding in case.findings.iter().filter(|finding| result.is_left_out(finding)) {
        let (says, holds) = (escape(&finding.says), escape(&finding.holds));
        let _ = writeln!(html, "<li><b>not asked</b><p>{says}</p><code>{holds}</code></li>");
    }
    *html += "</ul>\n";
    // A name has one colour in all pictures of a case.
    let mut names: Vec<String> = Vec::new();
    for plot in &case.plots {
        let _ = write!(
            html,
            "<figure>\n<figcaption>{}</figcaption>\n{}{}</figure>\n",
            escape(&plot.shows),
            picture(plot, result, &mut names),
            command(&result.command)
        );
    }
    *html += "<details><summary>All figures</summary>\n";
    table(html, result);
    *html += "</details>\n";
    for LeftOut { variant, why } in &result.left_out {
        let (variant, why) = (escape(variant), escape(why));
        let _ = writeln!(html, "<p class='method'>Left out: {variant} ({why}).</p>");
    }
    let _ = write!(
        html,
        "<p class='method'>{} rounds of {} variants, {} counts verified, seed {}, {} \
         {}, {:.0} s{}.</p>\n</section>\n",
        case.rounds,
        case.variants.len(),
        number(result.verified as f64),
        case.seed,
        case.threads,
        if case.threads == 1 { "thread" } else { "threads" },
        result.seconds,
        if result.awake { "; idle processors were kept awake" } else { "" }
    );
}

/// What is compared, in words.
fn words(html: &mut String, words: &[(String, String)]) {
    if words.is_empty() {
        return;
    }
    *html += "<dl class='words'>\n";
    for (word, meaning) in words {
        let (word, meaning) = (escape(word), escape(meaning));
        let _ = writeln!(html, "<dt>{word}</dt><dd>{meaning}</dd>");
    }
    *html += "</dl>\n";
}

/// The picture of one plot, with a legend if it has curves. `names` have a colour each.
fn picture(plot: &Plot, result: &CaseResult, names: &mut Vec<String>) -> String {
    let of = result.shown(plot).into_iter();
    if plot.kind == PlotKind::Bars {
        let bars: Vec<_> = of
            .filter_map(|it| Some((it.variant.as_str(), it.figure(&plot.figure)?.spread)))
            .collect();
        return bars::draw(plot, &bars);
    }
    let curves: Vec<(&str, Points)> = match &plot.over {
        Some(over) => across_variants(plot, over, &of.collect::<Vec<_>>()),
        None => of
            .filter_map(|it| {
                let series = it.series.iter().find(|series| series.name == plot.figure)?;
                Some((it.variant.as_str(), series.points.clone()))
            })
            .collect(),
    };
    let mut curves: Vec<Curve<'_>> = curves
        .into_iter()
        .map(|(name, points)| Curve { name, points, colour: colour(name, names) })
        .collect();
    // From top to bottom, as they end.
    let end = |curve: &Curve<'_>| curve.points.last().map_or(0.0, |(_, y)| *y);
    curves.sort_by(|a, b| end(b).total_cmp(&end(a)));
    lines::legend(&curves) + &lines::draw(plot, &curves)
}

/// The colour of a name, by its place among `names`.
fn colour(name: &str, names: &mut Vec<String>) -> usize {
    let known = names.iter().position(|known| known == name);
    let place = known.unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    });
    place % COLOURS
}

/// The unit of an axis, and whether its steps are factors.
fn unit(unit: &str, log: bool) -> String {
    escape(unit) + if log { " (logarithmic)" } else { "" }
}

/// Curves from variant to variant: one for each figure, and for each name before the last slash.
fn across_variants<'a>(
    plot: &'a Plot,
    over: &str,
    variants: &[&'a Measured],
) -> Vec<(&'a str, Points)> {
    let mut curves: Vec<(&str, Points)> = Vec::new();
    for figure in std::iter::once(&plot.figure).chain(&plot.beside) {
        for measured in variants {
            let name = measured.variant.rsplit_once('/').map_or(figure.as_str(), |(name, _)| name);
            let (Some(x), Some(y)) = (measured.figure(over), measured.figure(figure)) else {
                continue;
            };
            let point = (x.spread.median, y.spread.median);
            match curves.iter_mut().find(|(known, _)| *known == name) {
                Some((_, points)) => points.push(point),
                None => curves.push((name, vec![point])),
            }
        }
    }
    curves
}

/// A table of all figures: a row per variant and figure.
fn table(html: &mut String, result: &CaseResult) {
    *html += "<div class='scroll'><table><thead><tr><th>Variant</th><th>Figure</th>\
              <th>Median</th><th>Least</th><th>Greatest</th></tr></thead>\n";
    for measured in &result.variants {
        *html += "<tbody>";
        for (row, figure) in measured.figures.iter().enumerate() {
            *html += "<tr>";
            if row == 0 {
                let rows = measured.figures.len();
                let name = escape(&measured.variant);
                let _ = write!(html, "<th rowspan='{rows}' scope='rowgroup'>{name}</th>");
            }
            let _ = write!(
                html,
                "<td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                escape(&figure.name.replace('_', " ")),
                number(figure.spread.median),
                number(figure.spread.min),
                number(figure.spread.max)
            );
        }
        *html += "</tbody>\n";
    }
    *html += "</table></div>";
}
