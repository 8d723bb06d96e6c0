//! The text format 0.0.4 of Prometheus.
//!
//! E1. Each name has its HELP and its TYPE once, before its samples, which are together.

use std::collections::HashSet;
use std::fmt::Write;

/// A page that is being written.
#[derive(Debug, Default)]
pub struct Exposition {
    out: String,
    names: HashSet<String>,
}

/// What kind of figure a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How often values were at most so large.
    Histogram,
}

/// The labels of a sample.
pub type Labels<'a> = &'a [(&'a str, &'a str)];

impl Exposition {
    /// Begins a name. Whether it was not there before (E1); if it was, its samples would be lost.
    pub fn begin(&mut self, name: &str, kind: Kind, help: &str) -> bool {
        if !self.names.insert(name.to_owned()) {
            return false;
        }
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let help = help.replace('\\', r"\\").replace('\n', r"\n");
        // Writing into a string does not fail.
        let _ = write!(self.out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        true
    }

    /// A sample of the name that was begun last.
    pub fn sample(&mut self, name: &str, labels: Labels<'_>, value: f64) {
        self.out.push_str(name);
        for (at, (label, value)) in labels.iter().enumerate() {
            let value = value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
            let before = if at == 0 { '{' } else { ',' };
            let _ = write!(self.out, "{before}{label}=\"{value}\"");
        }
        if !labels.is_empty() {
            self.out.push('}');
        }
        let _ = match value {
            _ if value.is_nan() => writeln!(self.out, " NaN"),
            _ if value.is_infinite() => {
                writeln!(self.out, " {}Inf", if value > 0.0 { '+' } else { '-' })
            }
            _ => writeln!(self.out, " {value}"),
        };
    }

    /// A name with one sample.
    pub fn single(&mut self, name: &str, kind: Kind, help: &str, value: f64) {
        if self.begin(name, kind, help) {
            self.sample(name, &[], value);
        }
    }

    /// The samples of a histogram whose name was begun: `buckets` are upper ends with how many
    /// values were at most that, in order.
    pub fn histogram(
        &mut self,
        name: &str,
        labels: Labels<'_>,
        buckets: &[(f64, u64)],
        sum: f64,
        count: u64,
    ) {
        let bucket = format!("{name}_bucket");
        for (end, at_most) in buckets {
            let end = end.to_string();
            self.sample(&bucket, &[labels, &[("le", end.as_str())]].concat(), *at_most as f64);
        }
        self.sample(&bucket, &[labels, &[("le", "+Inf")]].concat(), count as f64);
        self.sample(&format!("{name}_sum"), labels, sum);
        self.sample(&format!("{name}_count"), labels, count as f64);
    }

    /// The page.
    pub fn finish(self) -> String {
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_kinds_labels() {
        let mut page = Exposition::default();
        page.single("up", Kind::Gauge, "Is it\nthere\\?", 1.0);
        page.single("up", Kind::Gauge, "again", 2.0);
        assert!(page.begin("ops_total", Kind::Counter, "Operations."));
        page.sample("ops_total", &[("op", "a\"b\\c\n"), ("db", "d")], 1e21);
        assert!(page.begin("s", Kind::Histogram, "Seconds."));
        page.histogram("s", &[("c", "x")], &[(0.5, 1), (1.0, 3)], 2.25, 4);
        let expected = r##"# HELP up Is it\nthere\\?
# TYPE up gauge
up 1
# HELP ops_total Operations.
# TYPE ops_total counter
ops_total{op="a\"b\\c\n",db="d"} 1000000000000000000000
# HELP s Seconds.
# TYPE s histogram
s_bucket{c="x",le="0.5"} 1
s_bucket{c="x",le="1"} 3
s_bucket{c="x",le="+Inf"} 4
s_sum{c="x"} 2.25
s_count{c="x"} 4
"##;
        assert_eq!(page.finish(), expected);
    }
}
