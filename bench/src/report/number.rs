//! Numbers and texts as a reader wants them.

/// A figure: three or four digits that count, or a whole number with its thousands apart.
pub fn number(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "–".to_owned();
    }
    if size >= 1e12 {
        return format!("{} T", digits(value / 1e12));
    }
    if size >= 1e9 {
        return format!("{} G", digits(value / 1e9));
    }
    if size >= 1e6 {
        return format!("{} M", digits(value / 1e6));
    }
    if size >= 1000.0 || value.fract() == 0.0 {
        return grouped(value.round() as i64);
    }
    digits(value)
}

/// Below a thousand: three or four digits, no zeros at the end.
fn digits(value: f64) -> String {
    let places = match value.abs() {
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        size if size >= 0.1 => 3,
        _ => 4,
    };
    let text = format!("{value:.places$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// Thousands apart by narrow spaces; four digits stay together.
fn grouped(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = if value < 0 { "−".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && digits.len() > 4 && (digits.len() - at).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A label of an axis: `20 k`.
pub fn tick(value: f64) -> String {
    match value.abs() {
        size if size >= 1e9 => format!("{} G", digits(value / 1e9)),
        size if size >= 1e6 => format!("{} M", digits(value / 1e6)),
        size if size >= 1e4 => format!("{} k", digits(value / 1e3)),
        _ => digits(value),
    }
}

/// What became of a `relation` of two numbers: `9.7 > 5` where `<=` was wanted.
pub fn relation(left: f64, relation: &str, right: f64, held: bool) -> String {
    let sign = match (relation, held) {
        ("<", true) | (">=", false) => "<",
        ("<=", true) | (">", false) => "≤",
        (">=", true) | ("<", false) => "≥",
        (">", true) | ("<=", false) => ">",
        (_, true) => "=",
        (_, false) => "≠",
    };
    format!("{} {sign} {}", number(left), number(right))
}

/// A text as HTML and SVG hold it.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_count() {
        for (value, text) in [
            (0.0, "0"),
            (82.0, "82"),
            (719.5, "719.5"),
            (41.04, "41"),
            (0.6321, "0.632"),
            (1439.0, "1439"),
            (-1439.0, "−1439"),
            (12_345.6, "12\u{202f}346"),
            (964_512.0, "964\u{202f}512"),
            (9_645_120.0, "9.65 M"),
            (2.5e9, "2.5 G"),
            (f64::NAN, "–"),
        ] {
            assert_eq!(number(value), text, "{value}");
        }
        assert_eq!(relation(2.0, "<=", 5.0, true), "2 ≤ 5");
        assert_eq!(relation(9.7, "<=", 5.0, false), "9.7 > 5");
        assert_eq!([tick(500.0), tick(20_000.0), tick(2.5e6)], ["500", "20 k", "2.5 M"]);
        assert_eq!(escape("a<b> & \"c\""), "a&lt;b&gt; &amp; &quot;c&quot;");
    }
}
