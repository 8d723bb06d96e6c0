//! Values as keys of a hash table: equal in the canonical order, equal as bytes.

use crate::bson::decimal::Decimal;
use crate::bson::element::{Elements, Value};
use crate::bson::number::Number;
use crate::bson::ty;

const INTEGER: u8 = 1;
const DOUBLE: u8 = 2;
const DECIMAL: u8 = 3;

/// Appends the key of a value.
pub(crate) fn append(value: Value<'_>, out: &mut Vec<u8>) {
    out.push(ty::canonical(value.ty) as u8);
    match value.ty {
        ty::INT32 | ty::INT64 | ty::DOUBLE => match value.as_number() {
            Some(number) => append_number(number, out),
            None => append_bytes(value.bytes, out),
        },
        ty::DECIMAL128 => append_decimal(value, out),
        // Documents nest no deeper than they may be stored; computed ones are bounded as well.
        ty::DOCUMENT | ty::ARRAY => {
            for element in Elements::new(value.bytes).into_iter().flatten().map_while(Result::ok) {
                if value.ty == ty::DOCUMENT {
                    out.extend_from_slice(element.name);
                    out.push(0);
                }
                append(element.val(), out);
            }
            // No canonical type is this.
            out.push(0xfd);
        }
        _ => append_bytes(value.bytes, out),
    }
}

fn append_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

fn append_number(number: Number, out: &mut Vec<u8>) {
    match (number.to_i64(), number) {
        (Some(integer), _) => {
            out.push(INTEGER);
            out.extend_from_slice(&integer.to_le_bytes());
        }
        (None, number) => {
            let double = number.to_f64();
            let double = if double.is_nan() { f64::NAN } else { double };
            out.push(DOUBLE);
            out.extend_from_slice(&double.to_bits().to_le_bytes());
        }
    }
}

/// As the number of another type that is equal, if there is one.
fn append_decimal(value: Value<'_>, out: &mut Vec<u8>) {
    let decimal = Decimal::of(value).unwrap_or(Decimal::NaN);
    let (negative, mut coefficient, mut exponent) = match decimal {
        Decimal::NaN => return append_number(Number::Double(f64::NAN), out),
        Decimal::Infinite { negative } => {
            let size = if negative { f64::NEG_INFINITY } else { f64::INFINITY };
            return append_number(Number::Double(size), out);
        }
        Decimal::Finite { negative, coefficient, exponent } => (negative, coefficient, exponent),
    };
    let double: f64 =
        ::bson::Decimal128::from_bytes(decimal.to_bytes()).to_string().parse().unwrap_or(f64::NAN);
    let number = Number::Double(double);
    if double.is_finite() && Decimal::of_number(number).compare(&decimal).is_eq() {
        return append_number(number, out);
    }
    if let Some(integer) = u32::try_from(exponent)
        .ok()
        .and_then(|exponent| 10_u128.checked_pow(exponent))
        .and_then(|power| i64::try_from(coefficient.checked_mul(power)?).ok())
    {
        let integer = if negative { -integer } else { integer };
        return append_number(Number::Int64(integer), out);
    }
    while coefficient != 0 && coefficient.is_multiple_of(10) {
        coefficient /= 10;
        exponent += 1;
    }
    out.extend_from_slice(&[DECIMAL, u8::from(negative)]);
    out.extend_from_slice(&coefficient.to_le_bytes());
    out.extend_from_slice(&exponent.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bson::compare::compare_values;
    use crate::bson::element::OwnedValue;
    use crate::bson::test_documents::random_document;

    fn key(value: Value<'_>) -> Vec<u8> {
        let mut out = vec![];
        append(value, &mut out);
        out
    }

    #[test]
    fn keys_are_equal_as_the_values_are() {
        let mut rng = oorandom::Rand32::new(5);
        let mut values: Vec<OwnedValue> = vec![];
        for _ in 0..150 {
            let doc = random_document(&mut rng);
            for element in Elements::new(&doc).unwrap() {
                values.push(element.unwrap().val().to_owned());
            }
        }
        for text in ["1", "1.0", "0.5", "-2", "NaN", "1E+3", "-Infinity", "0.1"] {
            let decimal: ::bson::Decimal128 = text.parse().unwrap();
            values.push(OwnedValue { ty: ty::DECIMAL128, bytes: decimal.bytes().into() });
        }
        for number in [1.0, 0.5, -0.0, f64::NAN, 1000.0, 0.1, f64::NEG_INFINITY] {
            let number = Number::Double(number);
            values.push(OwnedValue { ty: ty::DOUBLE, bytes: number.to_bytes().into() });
        }
        for a in &values {
            for b in &values {
                let equal = compare_values(a.as_ref(), b.as_ref()).is_eq();
                assert_eq!(key(a.as_ref()) == key(b.as_ref()), equal, "{a:?} {b:?}");
            }
        }
    }
}
