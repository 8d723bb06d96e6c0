//! Counters that are named by numbers, read where they lie.

use crate::bson::element::{self, Elements, Value};
use crate::bson::number::Number;
use crate::error::Result;

/// The sub-document `name` of a document; `None` if there is none.
///
/// # Errors
/// [`crate::Error::InvalidBson`].
pub fn sub_document<'a>(document: &'a [u8], name: &str) -> Result<Option<&'a [u8]>> {
    Ok(element::get(document, name)?.and_then(|element| element.val().as_document()))
}

/// Adds each counter of `counters` to the count at its number and `first`, if there is one.
///
/// # Errors
/// [`crate::Error::InvalidBson`].
pub fn add_all(counters: &[u8], first: i64, counts: &mut [i64]) -> Result<()> {
    each_numbered(counters, |number, value| {
        add(first + number, value, counts);
        Ok(())
    })
}

/// Calls `each` with the number and value of every element that is named by a number.
///
/// # Errors
/// [`crate::Error::InvalidBson`]; those of `each`.
pub fn each_numbered(
    counters: &[u8],
    mut each: impl FnMut(i64, Value<'_>) -> Result<()>,
) -> Result<()> {
    for element in Elements::new(counters)? {
        let element = element?;
        if let Some(number) = number(element.name) {
            each(number, element.val())?;
        }
    }
    Ok(())
}

/// Adds `value` to the count at `at`, if there is one and it is a number.
pub fn add(at: i64, value: Value<'_>, counts: &mut [i64]) {
    let slot = usize::try_from(at).ok().and_then(|at| counts.get_mut(at));
    if let (Some(slot), Some(number)) = (slot, value.as_number()) {
        *slot = slot.saturating_add(match number {
            Number::Int32(n) => i64::from(n),
            Number::Int64(n) => n,
            // A shell that knows only doubles counted here; their whole part is the count.
            Number::Double(n) => n as i64,
        });
    }
}

/// The number that a name is: a few digits.
fn number(name: &[u8]) -> Option<i64> {
    let is_number = (1..=9).contains(&name.len()) && name.iter().all(u8::is_ascii_digit);
    is_number.then(|| name.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use bson::rawdoc;

    use super::*;

    #[test]
    fn numbers_are_added_at_their_place_and_nothing_else_is() {
        let document = rawdoc! {
            "n": { "0": 1, "2": 2i64, "02": 3.9, "3": "4", "": 5, "x": 6, "-1": 7, "9": 8, "4": 9,
                "1234567890": 10, "5": null },
        };
        let counters = sub_document(document.as_bytes(), "n").expect("BSON").expect("there");
        let mut counts = [0; 5];
        add_all(counters, 0, &mut counts).expect("BSON");
        assert_eq!(counts, [1, 0, 5, 0, 9]);
        add_all(counters, -2, &mut counts).expect("BSON");
        assert_eq!(counts, [6, 0, 14, 0, 9]);
        add_all(counters, i64::from(i32::MAX), &mut counts).expect("BSON");
        let mut full = [i64::MAX - 1];
        add_all(counters, -2, &mut full).expect("BSON");
        assert_eq!(full, [i64::MAX]);
        assert_eq!(sub_document(document.as_bytes(), "m").expect("BSON"), None);
        assert_eq!(sub_document(counters, "0").expect("BSON"), None);
        assert!(add_all(&counters[1..], 0, &mut counts).is_err());
    }
}
