//! An axis: where values fall, and which of them are labelled.

/// Values from `low` to `high` on a line from 0 to 1.
#[derive(Debug, Clone)]
pub struct Axis {
    low: f64,
    high: f64,
    log: bool,
    /// Labelled values.
    pub ticks: Vec<f64>,
}

impl Axis {
    /// From zero to a round value that is not less than any of `values`.
    pub fn linear(values: impl Iterator<Item = f64>) -> Axis {
        let most = values.filter(|value| value.is_finite()).fold(f64::MIN_POSITIVE, f64::max);
        let step = round_step(most / 4.0);
        let count = (most / step - 1e-9).ceil().max(1.0);
        let ticks = (0..=count as u32).map(|n| f64::from(n) * step).collect();
        Axis { low: 0.0, high: step * count, log: false, ticks }
    }

    /// From a power of ten below all of `values` to one above; what is not positive is left out.
    pub fn log(values: impl Iterator<Item = f64>) -> Axis {
        let positive = values.filter(|value| value.is_finite() && *value > 0.0);
        let (low, high) =
            positive.fold((f64::MAX, f64::MIN_POSITIVE), |(l, h), v| (l.min(v), h.max(v)));
        if low > high {
            return Axis { low: 1.0, high: 10.0, log: true, ticks: vec![1.0, 10.0] };
        }
        let first = low.log10().floor() as i32;
        let last = (high.log10().ceil() as i32).max(first + 1);
        let parts: &[f64] = if last - first <= 2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let each = |power: i32| parts.iter().map(move |part| part * 10f64.powi(power));
        let end = 10f64.powi(last);
        let ticks = (first..=last).flat_map(each).filter(|tick| *tick <= end * 1.001).collect();
        Axis { low: 10f64.powi(first), high: end, log: true, ticks }
    }

    /// From the least to the greatest of `values`, labelled at multiples of `step`.
    pub fn span(values: impl Iterator<Item = f64>, step: Option<f64>) -> Axis {
        let (low, high) = values.fold((f64::MAX, f64::MIN), |(l, h), v| (l.min(v), h.max(v)));
        let (low, high) = if low < high { (low, high) } else { (0.0, 1.0) };
        // A step that is much too short would draw labels without end.
        let step = step.filter(|step| (high - low) / step <= 50.0);
        let step = step.unwrap_or_else(|| round_step((high - low) / 6.0));
        let (first, last) =
            ((low / step - 1e-9).ceil() as i64, (high / step + 1e-9).floor() as i64);
        Axis { low, high, log: false, ticks: (first..=last).map(|n| n as f64 * step).collect() }
    }

    /// Where `value` falls, 0 to 1.
    pub fn place(&self, value: f64) -> f64 {
        let part = match self.log {
            true if value <= 0.0 => 0.0,
            true => (value / self.low).ln() / (self.high / self.low).ln(),
            false => (value - self.low) / (self.high - self.low),
        };
        part.clamp(0.0, 1.0)
    }
}

/// The next of 1, 2, 2.5, 5 and 10 times a power of ten.
fn round_step(value: f64) -> f64 {
    let power = 10f64.powf(value.max(f64::MIN_POSITIVE).log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    steps.map(|step| step * power).into_iter().find(|&step| step >= value).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_round_and_hold_all_values() {
        let axis = Axis::linear([3.0, 1439.0].into_iter());
        assert_eq!(axis.ticks, [0.0, 500.0, 1000.0, 1500.0]);
        assert_eq!((axis.place(0.0), axis.place(1500.0)), (0.0, 1.0));
        let axis = Axis::log([40.0, 2_000.0].into_iter());
        assert_eq!((axis.ticks[0], axis.ticks.last()), (10.0, Some(&10_000.0)));
        assert!((axis.place(316.2278) - 0.5).abs() < 1e-6);
        let axis = Axis::span((0..1440).map(f64::from), Some(240.0));
        assert_eq!(axis.ticks, [0.0, 240.0, 480.0, 720.0, 960.0, 1200.0]);
    }

    #[test]
    fn nothing_and_nonsense_make_an_axis_too() {
        for values in [vec![], vec![0.0], vec![f64::NAN], vec![-1.0]] {
            for axis in [
                Axis::linear(values.iter().copied()),
                Axis::log(values.iter().copied()),
                Axis::span(values.iter().copied(), Some(1e-9)),
            ] {
                assert!((0.0..=1.0).contains(&axis.place(1.0)) && axis.ticks.len() < 60);
            }
        }
    }
}
