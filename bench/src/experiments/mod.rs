//! The experiments. Each is one file: it knows the words of its variants and its workload, and
//! gives verified figures. Which of them are compared, and what that shows, is in the cases.

mod charts;
mod fan_out;
mod field_order;
mod first_hit;
mod growth;
mod hit;
mod indexes;
mod midnight;
mod opening;
mod pauses;
#[cfg(feature = "rivals")]
mod rivals;
mod scale;
mod shapes;
mod threads;
mod wire;
mod write_concern;

use crate::bench::Bench;
use crate::case::Case;
use crate::error::{Error, Result};
use crate::figures::Round;
pub use wire::{MONGOD, REDIS};

/// One variant of an experiment, ready to run a round.
pub type Variant = Box<dyn Fn(&Bench<'_>) -> Result<Round>>;

/// Reads a case for one of its variants.
type Prepare = fn(&Case, &str) -> Result<Variant>;

const EXPERIMENTS: &[(&str, Prepare)] = &[
    ("growth", growth::variant),
    ("hit", hit::variant),
    ("field-order", field_order::variant),
    ("midnight", midnight::variant),
    ("write-concern", write_concern::variant),
    ("shapes", shapes::variant),
    ("fan-out", fan_out::variant),
    ("indexes", indexes::variant),
    ("pauses", pauses::variant),
    ("threads", threads::variant),
    ("scale", scale::variant),
    ("charts", charts::variant),
    ("first-hit", first_hit::variant),
    ("opening", opening::variant),
    ("wire-batch", wire::batch),
    ("wire-single", wire::single),
    ("wire-journaled", wire::journaled),
    ("wire-idle", wire::idle),
    #[cfg(feature = "rivals")]
    ("rivals", rivals::variant),
];

/// The variant `name` of the case's experiment.
///
/// # Errors
/// [`Error::Case`] if there is no such experiment or variant, or the workload is not its.
pub fn variant(case: &Case, name: &str) -> Result<Variant> {
    if let Some(command) = case.needs_build() {
        return Err(Error::case(&case.name, format!("not in this build: {command}")));
    }
    let known = EXPERIMENTS.iter().find(|(experiment, _)| *experiment == case.experiment);
    let Some((_, prepare)) = known else {
        return Err(Error::case(&case.name, format!("no experiment '{}'", case.experiment)));
    };
    prepare(case, name)
}

#[cfg(test)]
mod tests {
    use indicatif::ProgressBar;

    use super::*;
    use crate::compare::changes;
    use crate::environment::Environment;
    use crate::figures::Results;
    use crate::{report, run};

    /// Every variant of every case, at the tiny size: sums right, findings and plots of figures
    /// that there are, results that can be read again, a page that needs nothing else.
    #[test]
    fn every_case_runs() {
        let folder = tempfile::tempdir().unwrap();
        let place = run::Place { scratch: folder.path().to_owned(), ram: true };
        let environment = Environment::of(&place).unwrap();
        let mut results = Results { command: "test".into(), environment, cases: Vec::new() };
        for case in Case::built_in().unwrap() {
            let case = case.sized("tiny").unwrap();
            if case.needs_build().is_some() {
                continue;
            }
            let bar = ProgressBar::hidden();
            let result = run::run_case(&case, String::new(), &place, &bar).unwrap();
            assert!(result.verified > 0 && result.variants.len() >= case.variants.len() / 3);
            assert_eq!(result.variants.len() + result.left_out.len(), case.variants.len());
            let not_asked = case.findings.iter().filter(|it| result.is_left_out(it)).count();
            assert_eq!(result.findings.len() + not_asked, case.findings.len());
            results.cases.push(result);
        }
        let text = serde_json::to_string(&results).unwrap();
        std::fs::write(folder.path().join("results.json"), &text).unwrap();
        let again = Results::read(folder.path()).unwrap();
        assert!(serde_json::to_string(&again).unwrap() == text);
        let same = changes(&results, &again);
        assert!(same.len() > 100 && same.iter().all(|it| it.ratio() == Some(1.0)));
        assert_eq!(results.csv().lines().count(), same.len() + 1);
        let page = report::page(&results);
        for elsewhere in ["http:", "https:", "src=", "<script", "@import", "url(", "NaN", "inf"] {
            assert!(!page.contains(elsewhere), "{elsewhere}");
        }
        let left_out: usize = results.cases.iter().map(|result| result.left_out.len()).sum();
        assert_eq!(page.matches("Left out: ").count(), left_out);
        let plots: usize = results.cases.iter().map(|result| result.case.plots.len()).sum();
        assert_eq!(page.matches("<svg viewBox").count(), plots);
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    }

    #[test]
    fn unknown_words_are_refused() {
        for case in Case::built_in().unwrap() {
            for name in ["", "strange", "grow", "flat/scan/int128", "j/100ms", "move/4", "dice/"] {
                assert!(variant(&case, name).is_err(), "{} {name}", case.name);
            }
            let mut other = case.clone();
            other.workload.insert("strange".into(), toml::Value::Integer(1));
            assert!(variant(&other, &case.variants[0]).is_err(), "{}", case.name);
        }
    }
}
