//! The values of one canonical type, as an interval: comparisons stay inside of it.

use super::interval::{Interval, bare};
use crate::bson::element::Value;
use crate::bson::ty;

/// All values that compare by value with one of type `ty`; of numbers, all but NaN.
pub fn type_range(element_type: u8) -> Interval {
    let value = |ty, bytes| Value { ty, bytes };
    let (low, high, with_high) = match element_type {
        ty::DOUBLE | ty::INT32 | ty::INT64 | ty::DECIMAL128 => {
            return Interval::new(
                value(ty::DOUBLE, &f64::NEG_INFINITY.to_le_bytes()),
                true,
                value(ty::DOUBLE, &f64::INFINITY.to_le_bytes()),
                true,
            );
        }
        ty::STRING | ty::SYMBOL => (value(ty::STRING, TEXT), value(ty::DOCUMENT, EMPTY), false),
        ty::DOCUMENT => (value(ty::DOCUMENT, EMPTY), value(ty::ARRAY, EMPTY), false),
        ty::ARRAY => (value(ty::ARRAY, EMPTY), value(ty::BINARY, BINARY), false),
        ty::BINARY => (value(ty::BINARY, BINARY), value(ty::OBJECT_ID, &[0; 12]), false),
        ty::OBJECT_ID => (value(ty::OBJECT_ID, &[0; 12]), value(ty::OBJECT_ID, &[0xff; 12]), true),
        ty::BOOL => (value(ty::BOOL, &[0]), value(ty::BOOL, &[1]), true),
        ty::DATE => (value(ty::DATE, MIN), value(ty::DATE, MAX), true),
        ty::TIMESTAMP => (value(ty::TIMESTAMP, MIN), value(ty::TIMESTAMP, MAX), true),
        ty::REGEX => (value(ty::REGEX, &[0, 0]), value(ty::DB_POINTER, POINTER), false),
        ty::DB_POINTER => (value(ty::DB_POINTER, POINTER), value(ty::CODE, TEXT), false),
        ty::CODE => (value(ty::CODE, TEXT), value(ty::CODE_WITH_SCOPE, SCOPE), false),
        ty::CODE_WITH_SCOPE => (value(ty::CODE_WITH_SCOPE, SCOPE), bare(ty::MAX_KEY), false),
        other => (bare(other), bare(other), true),
    };
    Interval::new(low, true, high, with_high)
}

/// The least of each type.
const EMPTY: &[u8] = &[5, 0, 0, 0, 0];
const TEXT: &[u8] = &[1, 0, 0, 0, 0];
const BINARY: &[u8] = &[0, 0, 0, 0, 0];
const POINTER: &[u8] = &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
const SCOPE: &[u8] = &[14, 0, 0, 0, 1, 0, 0, 0, 0, 5, 0, 0, 0, 0];
/// Ends of what is compared as a signed number of 64 bits.
const MIN: &[u8] = &i64::MIN.to_le_bytes();
const MAX: &[u8] = &i64::MAX.to_le_bytes();
