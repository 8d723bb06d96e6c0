//! `$sum`, `$avg`, `$min`, `$max`, `$stdDevPop`, `$stdDevSamp` as expressions: of several
//! arguments, or of the elements of one array.

use super::comparison::compare;
use super::computed::Computed;
use super::decimal;
use super::node::{Frame, Node};
use super::operator::{Operator, Takes};
use super::sum::Sum;
use crate::bson::number::Number;
use crate::error::Result;

pub(super) const OPERATORS: &[Operator] = &[
    Operator::all("$sum", Takes::Any, |args, frame| {
        let mut sum = Sum::default();
        each(args, frame, |value| {
            sum.add(&value);
        })?;
        Ok(sum.value())
    }),
    Operator::all("$avg", Takes::Any, |args, frame| {
        let mut mean = Mean::default();
        each(args, frame, |value| mean.add(&value))?;
        Ok(mean.value())
    }),
    Operator::all("$min", Takes::Any, |args, frame| extreme(args, frame, -1)),
    Operator::all("$max", Takes::Any, |args, frame| extreme(args, frame, 1)),
    Operator::all("$stdDevPop", Takes::Any, |args, frame| deviation(args, frame, 0)),
    Operator::all("$stdDevSamp", Takes::Any, |args, frame| deviation(args, frame, 1)),
];

fn each<'a>(
    args: &'a [Node],
    frame: &mut Frame<'a>,
    mut add: impl FnMut(Computed<'a>),
) -> Result<()> {
    if let [arg] = args {
        let value = arg.eval(frame)?;
        if value.is_array() {
            return value.each_element(|element| {
                add(element);
                Ok(())
            });
        }
        add(value);
        return Ok(());
    }
    for arg in args {
        add(arg.eval(frame)?);
    }
    Ok(())
}

fn extreme<'a>(args: &'a [Node], frame: &mut Frame<'a>, sign: i32) -> Result<Computed<'a>> {
    let mut best = Computed::Missing;
    each(args, frame, |value| {
        let is_better = best.is_nullish() || compare(&value, &best) as i32 == sign;
        if !value.is_nullish() && is_better {
            best = value;
        }
    })?;
    Ok(if best.is_nullish() { Computed::null() } else { best })
}

fn deviation<'a>(args: &'a [Node], frame: &mut Frame<'a>, less: u64) -> Result<Computed<'a>> {
    let mut deviation = Deviation::default();
    each(args, frame, |value| deviation.add(&value))?;
    Ok(deviation.value(less))
}

/// A mean so far: of what is a number.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mean {
    sum: Sum,
    count: u64,
}

impl Mean {
    pub fn add(&mut self, value: &Computed<'_>) {
        self.count += u64::from(self.sum.add(value));
    }

    /// The mean; null of nothing.
    pub fn value<'a>(&self) -> Computed<'a> {
        if self.count == 0 {
            return Computed::null();
        }
        match self.sum.decimals() {
            Some(sum) => {
                let count = decimal::of_number(Number::Int64(self.count as i64));
                Computed::decimal(decimal::divide(sum, count))
            }
            None => Computed::double(self.sum.to_f64() / self.count as f64),
        }
    }
}

/// A standard deviation so far, by Welford's recurrence.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deviation {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Deviation {
    pub fn add(&mut self, value: &Computed<'_>) {
        let number = match (value.as_number(), value.as_decimal()) {
            (Some(number), _) => number.to_f64(),
            (None, Some(number)) => decimal::to_f64(number),
            (None, None) => return,
        };
        self.count += 1;
        let delta = number - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (number - self.mean);
    }

    /// The deviation with `less` subtracted from the count; null of too few.
    pub fn value<'a>(&self, less: u64) -> Computed<'a> {
        match self.count.saturating_sub(less) {
            0 => Computed::null(),
            count => Computed::double((self.squares / count as f64).sqrt()),
        }
    }
}
