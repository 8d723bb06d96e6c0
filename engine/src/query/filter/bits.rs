//! `$bitsAllSet`, `$bitsAllClear`, `$bitsAnySet`, `$bitsAnyClear`: positions of bits.
//!
//! Bit 0 is the lowest. Beyond an integer's 64 bits its sign goes on; beyond the bytes of
//! binary data all bits are clear.

use super::{bad_value, failed_to_parse, numbers};
use crate::bson::element::{Element, Elements, Value};
use crate::bson::{text, ty};
use crate::error::Result;

/// What is to be true of the bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bits {
    /// `$bitsAllSet`.
    AllSet,
    /// `$bitsAllClear`.
    AllClear,
    /// `$bitsAnySet`.
    AnySet,
    /// `$bitsAnyClear`.
    AnyClear,
}

/// A condition on some bits of a number or of binary data.
#[derive(Debug, Clone)]
pub struct BitTest {
    /// What is to be true of them.
    pub bits: Bits,
    /// Which bits.
    pub positions: Vec<u32>,
}

impl BitTest {
    /// Parses the operand of a test on `path`.
    pub(super) fn parse(path: &str, bits: Bits, operand: &Element<'_>) -> Result<BitTest> {
        let positions = match operand.ty {
            ty::ARRAY => listed(operand)?,
            ty::BINARY => {
                let bytes = operand.value.get(5..).unwrap_or_default();
                let set = |byte: &u8, bit: u32| byte >> bit & 1 == 1;
                (0..)
                    .zip(bytes)
                    .flat_map(|(i, byte)| {
                        (0..8).filter(move |bit| set(byte, *bit)).map(move |bit| i * 8 + bit)
                    })
                    .collect()
            }
            _ if numbers::is_number(operand.val()) => {
                let mask = mask(operand)?;
                (0..64).filter(|bit| mask >> bit & 1 == 1).collect()
            }
            _ => {
                let shown = text::named(operand.name, operand.val());
                let message =
                    format!("{path} takes an Array, a number, or a BinData but received: {shown}");
                return Err(bad_value(message));
            }
        };
        Ok(BitTest { bits, positions })
    }

    /// Does it hold for the value?
    pub(in crate::query) fn holds(&self, value: Value<'_>) -> bool {
        if value.ty == ty::BINARY {
            let bytes = value.bytes.get(5..).unwrap_or_default();
            return self.decide(|at| {
                bytes.get(at as usize / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1)
            });
        }
        let Some(number) = numbers::rounded(value) else { return false };
        self.decide(|at| number >> at.min(63) & 1 == 1)
    }

    fn decide(&self, is_set: impl Fn(u32) -> bool) -> bool {
        let mut positions = self.positions.iter().copied();
        match self.bits {
            Bits::AllSet => positions.all(is_set),
            Bits::AllClear => !positions.any(is_set),
            Bits::AnySet => positions.any(is_set),
            Bits::AnyClear => !positions.all(is_set),
        }
    }
}

fn listed(operand: &Element<'_>) -> Result<Vec<u32>> {
    let mut positions = vec![];
    for element in Elements::new(operand.value)? {
        let element = element?;
        let shown = || text::named(element.name, element.val());
        let value = element.val();
        if !numbers::is_number(value) || !numbers::is_whole(value) {
            return Err(bad_value(format!(
                "bit positions must be an integer but got: {}",
                shown()
            )));
        }
        let position = numbers::exact(value).and_then(|number| i32::try_from(number).ok());
        let Some(position) = position else {
            let message = "bit positions cannot be represented as a 32-bit signed integer";
            return Err(bad_value(format!("{message}: {}", shown())));
        };
        let Ok(position) = u32::try_from(position) else {
            return Err(bad_value(format!("bit positions must be >= 0 but got: {}", shown())));
        };
        positions.push(position);
    }
    Ok(positions)
}

fn mask(operand: &Element<'_>) -> Result<u64> {
    let value = operand.val();
    let shown = text::named(operand.name, value);
    if numbers::is_nan(value) {
        let message = format!("Expected an integer, but found NaN in: {shown}");
        return Err(failed_to_parse(message));
    }
    if !numbers::is_whole(value) {
        return Err(failed_to_parse(format!("Expected an integer: {shown}")));
    }
    let Some(number) = numbers::exact(value) else {
        return Err(failed_to_parse(format!("Cannot represent as a 64-bit integer: {shown}")));
    };
    let positive = u64::try_from(number);
    positive.map_err(|_| failed_to_parse(format!("Expected a positive number in: {shown}")))
}
