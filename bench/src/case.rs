//! A case: which experiment, at which size, and what its figures are expected to show. Cases
//! are files of `bench/cases`; those are part of the program, others are named by their path.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::inequality::Inequality;

/// The cases that come with the program.
const BUILT_IN: &[(&str, &str)] = &[
    ("growth", include_str!("../cases/growth.toml")),
    ("field-order", include_str!("../cases/field-order.toml")),
    ("midnight", include_str!("../cases/midnight.toml")),
    ("write-concern", include_str!("../cases/write-concern.toml")),
    ("shapes", include_str!("../cases/shapes.toml")),
    ("fan-out", include_str!("../cases/fan-out.toml")),
    ("indexes", include_str!("../cases/indexes.toml")),
    ("pauses", include_str!("../cases/pauses.toml")),
    ("threads", include_str!("../cases/threads.toml")),
    ("scale", include_str!("../cases/scale.toml")),
    ("charts", include_str!("../cases/charts.toml")),
    ("first-hit", include_str!("../cases/first-hit.toml")),
    ("opening", include_str!("../cases/opening.toml")),
    ("rivals", include_str!("../cases/rivals.toml")),
    ("hit", include_str!("../cases/hit.toml")),
    ("wire-batch", include_str!("../cases/wire-batch.toml")),
    ("wire-single", include_str!("../cases/wire-single.toml")),
    ("wire-journaled", include_str!("../cases/wire-journaled.toml")),
    ("wire-idle", include_str!("../cases/wire-idle.toml")),
];

/// How the program is run.
pub const RUN: &str = "cargo run --release -p tallymap-lab";

/// One case file.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The name of the file, without its folder and ending.
    #[serde(default)]
    pub name: String,
    pub experiment: String,
    pub title: String,
    /// The sentence that is put to the test.
    pub claim: String,
    /// Where it is made.
    pub source: String,
    pub seed: u64,
    /// Threads that count.
    pub threads: usize,
    pub durability: Durability,
    /// What the program has to be built with.
    #[serde(default)]
    pub feature: Option<String>,
    /// Keep idle processors awake meanwhile, if the system lets us.
    #[serde(default)]
    pub awake: bool,
    /// Rounds of each variant that are measured, after one that is not.
    pub rounds: u32,
    /// How long it takes, about.
    pub seconds: u32,
    /// What is compared, in the experiment's own words.
    pub variants: Vec<String>,
    /// The words of their names, and what they mean to a reader.
    #[serde(default)]
    pub words: Vec<(String, String)>,
    /// Its size, in the experiment's own words.
    pub workload: toml::Table,
    /// Other sizes by name: what differs.
    #[serde(default, skip_serializing)]
    pub sizes: BTreeMap<String, Size>,
    #[serde(rename = "finding")]
    pub findings: Vec<Finding>,
    #[serde(rename = "plot")]
    pub plots: Vec<Plot>,
}

/// How far a database goes to keep what it acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    Journaled,
    None,
}

/// Another size of a case.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    rounds: u32,
    seconds: u32,
    workload: toml::Table,
}

/// What the figures show of a claim.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    pub verdict: Verdict,
    /// The finding as a sentence.
    pub says: String,
    /// The same as an inequality of figures.
    pub holds: String,
    /// There, the figures of `best` are the greatest of these variants, of those that could run.
    #[serde(default)]
    pub best: Vec<String>,
}

/// What becomes of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is so.
    Confirmed,
    /// It is otherwise.
    Corrected,
    /// It is so within limits, or by so much.
    Bounded,
}

/// A picture of some figures.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plot {
    pub kind: PlotKind,
    /// The sentence that it shows.
    pub shows: String,
    /// A figure (bars), or a series (lines).
    pub figure: String,
    /// The figure that is the x of each variant: then lines run from variant to variant, those
    /// with the same name before the last slash.
    #[serde(default)]
    pub over: Option<String>,
    /// With that, more figures of the same unit. Each is a curve of its own.
    #[serde(default)]
    pub beside: Vec<String>,
    /// Of these variants, in this order; of all that have it unless told.
    #[serde(default)]
    pub variants: Vec<String>,
    /// What the figure is, with its unit.
    pub y: String,
    /// What the series runs over.
    #[serde(default)]
    pub x: String,
    /// Distance of the labels of the x axis.
    #[serde(default)]
    pub x_step: Option<f64>,
    /// Logarithmic?
    #[serde(default)]
    pub log: bool,
    /// The x axis, too?
    #[serde(default)]
    pub log_x: bool,
}

/// Kinds of pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlotKind {
    Bars,
    Lines,
}

impl Case {
    /// Every case that comes with the program.
    ///
    /// # Errors
    /// As [`Case::parse`].
    pub fn built_in() -> Result<Vec<Case>> {
        BUILT_IN.iter().map(|(name, text)| Case::parse(name, text)).collect()
    }

    /// The case of this name, or in this file.
    ///
    /// # Errors
    /// As [`Case::parse`]; there is none.
    pub fn find(name: &str) -> Result<Case> {
        if let Some((name, text)) = BUILT_IN.iter().find(|(known, _)| *known == name) {
            return Case::parse(name, text);
        }
        let file = Path::new(name);
        if file.extension().is_none_or(|it| it != "toml") {
            return Err(Error::case(name, "there is none; `lab list` lists them"));
        }
        let text = std::fs::read_to_string(file).map_err(Error::io(file))?;
        let stem = file.file_stem().unwrap_or_default().to_string_lossy();
        Case::parse(&stem, &text)
    }

    /// Reads a case file.
    ///
    /// # Errors
    /// [`Error::Case`] where it is not in form.
    pub fn parse(name: &str, text: &str) -> Result<Case> {
        let mut case: Case =
            toml::from_str(text).map_err(|error| Error::case(name, error.to_string()))?;
        name.clone_into(&mut case.name);
        for finding in &case.findings {
            Inequality::parse(&finding.holds).map_err(|problem| Error::case(name, problem))?;
        }
        let known = |variant: &&String| case.variants.contains(variant);
        let plotted = case.plots.iter().flat_map(|plot| &plot.variants);
        let compared = case.findings.iter().flat_map(|finding| &finding.best);
        if let Some(variant) = plotted.chain(compared).find(|variant| !known(variant)) {
            return Err(Error::case(name, format!("shows '{variant}', which is no variant")));
        }
        if case.rounds == 0 || case.threads == 0 || case.variants.is_empty() {
            return Err(Error::case(name, "without rounds, threads or variants"));
        }
        Ok(case)
    }

    /// The case at another size.
    ///
    /// # Errors
    /// [`Error::Case`] if it has none of this name.
    pub fn sized(mut self, name: &str) -> Result<Case> {
        let Some(size) = self.sizes.remove(name) else {
            return Err(Error::case(&self.name, format!("has no size '{name}'")));
        };
        (self.rounds, self.seconds) = (size.rounds.max(1), size.seconds);
        self.workload.extend(size.workload);
        Ok(self)
    }

    /// The workload in the experiment's own words.
    ///
    /// # Errors
    /// [`Error::Case`] for words that it does not know, or that are missing.
    pub fn workload<T: DeserializeOwned>(&self) -> Result<T> {
        let of_form = self.workload.clone().try_into();
        of_form.map_err(|error| Error::case(&self.name, format!("workload: {error}")))
    }

    /// How to run it, if this program was built without what it needs.
    pub fn needs_build(&self) -> Option<String> {
        let feature = self.feature.as_deref()?;
        match feature {
            "rivals" if cfg!(feature = "rivals") => None,
            _ => Some(format!("{RUN} --features {feature} -- run {}", self.name)),
        }
    }

    /// The error about a variant that the experiment does not know.
    pub fn no_variant(&self, variant: &str) -> Error {
        Error::case(&self.name, format!("{} has no variant '{variant}'", self.experiment))
    }
}

impl Verdict {
    /// As a word.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Confirmed => "confirmed",
            Verdict::Corrected => "corrected",
            Verdict::Bounded => "bounded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(change: impl FnOnce(String) -> String) -> Result<Case> {
        Case::parse("case", &change(BUILT_IN[0].1.to_owned()))
    }

    #[test]
    fn every_case_file_is_built_in_and_in_form() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut names: Vec<_> =
            files.map(|file| file.file_stem().unwrap().to_string_lossy().into_owned()).collect();
        let mut cases: Vec<_> =
            Case::built_in().unwrap().into_iter().map(|case| case.name).collect();
        names.sort();
        cases.sort();
        assert_eq!(names, cases);
    }

    #[test]
    fn every_word_of_a_variant_is_explained() {
        for case in Case::built_in().unwrap() {
            let known = |word: &&str| {
                let mut words =
                    case.words.iter().flat_map(|(words, _)| words.split([' ', ',', '/']));
                words.any(|known| known == *word)
            };
            let parts = case.variants.iter().flat_map(|variant| variant.split('/'));
            // Numbers are explained where they stand: `move/n`.
            let mut words = parts.filter(|part| part.starts_with(|c: char| c.is_alphabetic()));
            assert_eq!(words.find(|word| !known(word)), None, "{}", case.name);
        }
    }

    #[test]
    fn a_size_changes_what_it_names_and_nothing_else() {
        let full = parse(|text| text).unwrap();
        let quick = full.clone().sized("quick").unwrap();
        assert_ne!(full.workload["pages"], quick.workload["pages"]);
        assert_eq!(full.workload["every"], quick.workload["every"]);
        assert!(full.sized("huge").is_err());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(parse(|text| text).is_ok());
        assert!(parse(|text| text + "strange = 1").is_err());
        assert!(parse(|text| text.replace("= 1439\"", "is 1439\"")).is_err());
        assert!(parse(|text| text.replace("rounds = 3", "rounds = 0")).is_err());
        assert!(parse(|text| text.replacen("\"grow/no-padding\"", "\"grow/other\"", 1)).is_err());
        assert!(Case::find("unheard-of").is_err());
    }
}
