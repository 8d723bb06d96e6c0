//! What a run gives: figures of rounds, series, checked findings. This is `results.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::case::{Case, Finding, Plot};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::inequality::{self, Inequality};
use crate::median::Spread;
use crate::report::number::relation;
use crate::tally::Verified;

/// What one round of one variant gives. There is none without sums that were verified.
#[derive(Debug, Clone)]
pub struct Round {
    /// Counts that were read back and compared.
    pub verified: u64,
    pub figures: Vec<(&'static str, f64)>,
    pub series: Vec<(&'static str, Points)>,
}

/// Pairs of x and y.
pub type Points = Vec<(f64, f64)>;

/// All cases of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Results {
    pub command: String,
    pub environment: Environment,
    pub cases: Vec<CaseResult>,
}

/// What came out of one case.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CaseResult {
    pub case: Case,
    /// The command that runs this case alone.
    pub command: String,
    /// How long it took.
    pub seconds: f64,
    /// Counts that were verified, in all rounds.
    pub verified: u64,
    pub variants: Vec<Measured>,
    /// Variants that could not run.
    #[serde(default)]
    pub left_out: Vec<LeftOut>,
    /// Idle processors were kept awake.
    #[serde(default)]
    pub awake: bool,
    pub findings: Vec<Checked>,
}

/// A variant without figures.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LeftOut {
    pub variant: String,
    pub why: String,
}

/// The figures of one variant.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Measured {
    pub variant: String,
    pub figures: Vec<Figure>,
    pub series: Vec<Series>,
}

/// One figure of all rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Figure {
    pub name: String,
    #[serde(flatten)]
    pub spread: Spread,
    pub rounds: Vec<f64>,
}

/// One series, each point the median of all rounds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Series {
    pub name: String,
    pub points: Points,
}

/// A finding beside the figures of this run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checked {
    #[serde(flatten)]
    pub finding: Finding,
    pub left: f64,
    pub right: f64,
    pub held: bool,
}

impl Round {
    /// Of verified sums.
    pub fn new(verified: Verified) -> Round {
        Round { verified: verified.counts(), figures: Vec::new(), series: Vec::new() }
    }

    /// Adds a figure.
    pub fn figure(&mut self, name: &'static str, value: impl Into<f64>) {
        self.figures.push((name, value.into()));
    }

    /// Adds a series.
    pub fn series(&mut self, name: &'static str, points: Points) {
        self.series.push((name, points));
    }
}

impl Measured {
    /// Of all rounds of `variant`, which have the same figures and series.
    fn of(variant: &str, rounds: &[&Round]) -> Measured {
        let first = rounds.first();
        let figures = first.into_iter().flat_map(|first| first.figures.iter().enumerate());
        let figures = figures.filter_map(|(at, (name, _))| {
            let values: Vec<f64> =
                rounds.iter().map(|round| rounded(round.figures[at].1, 6)).collect();
            let spread = Spread::of(&mut values.clone())?;
            Some(Figure { name: (*name).to_owned(), spread, rounds: values })
        });
        let series = first.into_iter().flat_map(|first| first.series.iter().enumerate());
        let series = series.map(|(at, (name, points))| {
            let middle = |point: usize| {
                let of = rounds.iter().map(|round| round.series[at].1[point].1);
                Spread::of(&mut of.collect::<Vec<f64>>()).map_or(0.0, |spread| spread.median)
            };
            let points = points.iter().enumerate().map(|(n, (x, _))| (*x, rounded(middle(n), 4)));
            Series { name: (*name).to_owned(), points: points.collect() }
        });
        Measured {
            variant: variant.to_owned(),
            figures: figures.collect(),
            series: series.collect(),
        }
    }

    /// Has it a figure or a series of this name?
    fn has(&self, name: &str) -> bool {
        self.figure(name).is_some() || self.series.iter().any(|series| series.name == name)
    }

    /// The figure of this name.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name)
    }
}

/// To so many digits: more than is certain is only long.
pub fn rounded(value: f64, digits: i32) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    // Divided by a whole number last, so that the result is written as short as it is meant.
    let parts = 10f64.powi(digits - 1 - value.abs().log10().floor() as i32);
    if parts >= 1.0 { (value * parts).round() / parts } else { value.round() }
}

impl Checked {
    /// Both sides as numbers, and how they compare: `1874 > 979.6`.
    pub fn numbers(&self) -> String {
        relation(self.left, inequality::sign(&self.finding.holds), self.right, self.held)
    }
}

impl CaseResult {
    /// The variants that a plot shows.
    pub fn shown(&self, plot: &Plot) -> Vec<&Measured> {
        let has = |measured: &&Measured| match &plot.over {
            Some(over) => {
                let of_variant = |name: &String| measured.figure(name).is_some();
                plot.beside.iter().chain([&plot.figure, over]).all(of_variant)
            }
            None => measured.has(&plot.figure),
        };
        if plot.variants.is_empty() {
            return self.variants.iter().filter(has).collect();
        }
        let of = |name: &String| self.variants.iter().find(|it| it.variant == *name).filter(has);
        plot.variants.iter().filter_map(of).collect()
    }

    /// The median of `variant.figure`.
    fn median(&self, name: &str) -> Option<f64> {
        let (variant, figure) = name.rsplit_once('.')?;
        let measured = self.variants.iter().find(|measured| measured.variant == variant)?;
        Some(measured.figure(figure)?.spread.median)
    }

    /// The finding with the name of the variant that is `best` in this run.
    fn named(&self, finding: &Finding) -> Finding {
        let name = |word: &str| {
            let figure = word.strip_prefix("best.")?;
            let names = finding.best.iter().map(|variant| format!("{variant}.{figure}"));
            let medians = names.filter_map(|name| Some((self.median(&name)?, name)));
            Some(medians.max_by(|(a, _), (b, _)| a.total_cmp(b))?.1)
        };
        let words = finding.holds.split(' ');
        let words = words.map(|word| name(word).unwrap_or_else(|| word.to_owned()));
        Finding { holds: words.collect::<Vec<_>>().join(" "), ..finding.clone() }
    }

    /// Takes the rounds, each with one of every variant that could run, and checks the findings.
    ///
    /// # Errors
    /// As [`CaseResult::check`].
    pub fn take(&mut self, rounds: &[Vec<Option<Round>>]) -> Result<()> {
        self.verified = rounds.iter().flatten().flatten().map(|round| round.verified).sum();
        let variants = self.case.variants.iter().enumerate();
        let measured = variants.filter_map(|(at, variant)| {
            let of_variant: Option<Vec<&Round>> =
                rounds.iter().map(|round| round[at].as_ref()).collect();
            Some(Measured::of(variant, &of_variant?))
        });
        self.variants = measured.collect();
        self.check()
    }

    /// Is it about a variant that could not run?
    pub fn is_left_out(&self, finding: &Finding) -> bool {
        let of = |word: &str| word.rsplit_once('.').map(|(variant, _)| variant.to_owned());
        let mut variants = finding.holds.split(' ').filter_map(of);
        variants.any(|variant| self.left_out.iter().any(|it| it.variant == variant))
    }

    /// Checks the findings of the case, those apart that are about what could not run.
    ///
    /// # Errors
    /// [`Error::Case`] for one that names a figure that there is not; for such a plot, too.
    fn check(&mut self) -> Result<()> {
        for plot in &self.case.plots {
            let could_run = |name: &&String| !self.left_out.iter().any(|it| it.variant == **name);
            let wanted = plot.variants.iter().filter(could_run).count();
            if self.shown(plot).len() < wanted.max(1) {
                let problem = format!("a plot of '{}', which there is not", plot.figure);
                return Err(Error::case(&self.case.name, problem));
            }
        }
        let mut checked = Vec::new();
        for finding in self.case.findings.iter().filter(|finding| !self.is_left_out(finding)) {
            let finding = self.named(finding);
            let outcome = Inequality::parse(&finding.holds)
                .and_then(|inequality| inequality.check(|name| self.median(name)));
            let (left, right, held) =
                outcome.map_err(|problem| Error::case(&self.case.name, problem))?;
            let (left, right) = (rounded(left, 6), rounded(right, 6));
            checked.push(Checked { finding, left, right, held });
        }
        self.findings = checked;
        Ok(())
    }
}

impl Results {
    /// Reads `results.json`, or that of a directory.
    ///
    /// # Errors
    /// The file's.
    pub fn read(path: &Path) -> Result<Results> {
        let file = if path.is_dir() { path.join("results.json") } else { path.to_owned() };
        let text = std::fs::read_to_string(&file).map_err(Error::io(&file))?;
        serde_json::from_str(&text).map_err(|source| Error::Results { file, source })
    }

    /// How many findings did not hold.
    pub fn not_held(&self) -> usize {
        self.cases.iter().flat_map(|case| &case.findings).filter(|finding| !finding.held).count()
    }

    /// As a table: a row for each figure.
    pub fn csv(&self) -> String {
        let mut text = "case,variant,figure,median,min,max,rounds\n".to_owned();
        for case in &self.cases {
            for measured in &case.variants {
                for figure in &measured.figures {
                    let Spread { median, min, max } = figure.spread;
                    text += &format!(
                        "{},{},{},{median},{min},{max},{}\n",
                        case.case.name,
                        measured.variant,
                        figure.name,
                        figure.rounds.len()
                    );
                }
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_is_the_greatest_of_those_that_could_run() {
        let measured = |variant: &str, median: f64| {
            let spread = Spread { median, min: median, max: median };
            let figure = Figure { name: "x".to_owned(), spread, rounds: vec![median] };
            Measured { variant: variant.to_owned(), figures: vec![figure], series: Vec::new() }
        };
        let result = CaseResult {
            case: Case::find("growth").unwrap(),
            command: String::new(),
            seconds: 0.0,
            verified: 0,
            variants: vec![measured("a/1", 1.0), measured("b/1", 3.0), measured("c/1", 9.0)],
            left_out: Vec::new(),
            awake: false,
            findings: Vec::new(),
        };
        let mut finding = result.case.findings[0].clone();
        finding.holds = "a/1.x < 2 * best.x".to_owned();
        finding.best = ["b/1", "a/1", "left-out/1"].map(str::to_owned).to_vec();
        assert_eq!(result.named(&finding).holds, "a/1.x < 2 * b/1.x");
        finding.best = vec!["left-out/1".to_owned()];
        assert_eq!(result.named(&finding).holds, finding.holds);
    }
}
