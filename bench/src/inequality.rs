//! What a finding claims, as something that can be checked: `flat.ns > 10 * nested.ns`.
//!
//! Each side is a product or quotient of figures and numbers. Words stand apart, so that the
//! name of a variant may hold a slash: `grow/exact.moves / 2` has one quotient.

/// Two sides and what is between them.
#[derive(Debug, Clone, PartialEq)]
pub struct Inequality {
    left: Vec<Factor>,
    relation: Relation,
    right: Vec<Factor>,
}

#[derive(Debug, Clone, PartialEq)]
struct Factor {
    divides: bool,
    operand: Operand,
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    Number(f64),
    /// `variant.figure`
    Figure(String),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Relation {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

/// Equal means as near as sums of floating point numbers come.
const NEAR: f64 = 1e-9;

impl Inequality {
    /// Reads it. Says what is wrong with it, if something is.
    pub fn parse(text: &str) -> Result<Inequality, String> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let at = words.iter().position(|word| relation(word).is_some());
        let (at, relation) = at
            .and_then(|at| Some((at, relation(words[at])?)))
            .ok_or_else(|| format!("'{text}' has none of < <= = >= >"))?;
        Ok(Inequality { left: side(&words[..at])?, relation, right: side(&words[at + 1..])? })
    }

    /// The values of both sides, and whether it holds. `figure` knows the figures by name.
    pub fn check(&self, figure: impl Fn(&str) -> Option<f64>) -> Result<(f64, f64, bool), String> {
        let value = |side: &[Factor]| {
            side.iter().try_fold(1.0, |product, factor| {
                let value = match &factor.operand {
                    Operand::Number(number) => *number,
                    Operand::Figure(name) => {
                        figure(name).ok_or_else(|| format!("there is no figure '{name}'"))?
                    }
                };
                Ok::<_, String>(if factor.divides { product / value } else { product * value })
            })
        };
        let (left, right) = (value(&self.left)?, value(&self.right)?);
        let holds = match self.relation {
            Relation::Less => left < right,
            Relation::LessOrEqual => left <= right,
            Relation::Equal => (left - right).abs() <= NEAR * right.abs().max(1.0),
            Relation::GreaterOrEqual => left >= right,
            Relation::Greater => left > right,
        };
        Ok((left, right, holds))
    }
}

/// The word that stands between the sides of one that was read.
pub fn sign(text: &str) -> &str {
    text.split_ascii_whitespace().find(|word| relation(word).is_some()).unwrap_or("=")
}

fn relation(word: &str) -> Option<Relation> {
    Some(match word {
        "<" => Relation::Less,
        "<=" => Relation::LessOrEqual,
        "=" => Relation::Equal,
        ">=" => Relation::GreaterOrEqual,
        ">" => Relation::Greater,
        _ => return None,
    })
}

fn side(words: &[&str]) -> Result<Vec<Factor>, String> {
    let mut factors = Vec::new();
    let mut divides = Some(false);
    for word in words {
        match (*word, divides) {
            ("*" | "/", None) => divides = Some(*word == "/"),
            ("*" | "/", Some(_)) => return Err(format!("'{word}' follows nothing")),
            (word, Some(is_divisor)) => {
                factors.push(Factor { divides: is_divisor, operand: operand(word)? });
                divides = None;
            }
            (word, None) => return Err(format!("'{word}' without * or / before it")),
        }
    }
    if divides.is_some() {
        return Err("a side ends too early".to_owned());
    }
    Ok(factors)
}

fn operand(word: &str) -> Result<Operand, String> {
    if word.starts_with(|c: char| c.is_ascii_digit()) {
        let number = word.replace('_', "").parse();
        return number.map(Operand::Number).map_err(|_| format!("'{word}' is no number"));
    }
    match word.contains('.') {
        true => Ok(Operand::Figure(word.to_owned())),
        false => Err(format!("'{word}' is no figure (variant.figure) and no number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(f64, f64, bool), String> {
        let figure = |name: &str| match name {
            "a/b.x" => Some(6.0),
            "c.y" => Some(3.0),
            _ => None,
        };
        Inequality::parse(text)?.check(figure)
    }

    #[test]
    fn sides_are_products_and_quotients() {
        assert_eq!(check("a/b.x = 6"), Ok((6.0, 6.0, true)));
        assert_eq!(check("a/b.x / c.y < 2"), Ok((2.0, 2.0, false)));
        assert_eq!(check("a/b.x / c.y <= 2"), Ok((2.0, 2.0, true)));
        assert_eq!(check("10 * c.y > a/b.x * 1.5"), Ok((30.0, 9.0, true)));
        assert_eq!(check("1_000 >= a/b.x"), Ok((1000.0, 6.0, true)));
    }

    #[test]
    fn what_cannot_be_checked_is_refused() {
        for text in ["", "a.b", "< 1", "a.b <", "a.b c.d < 1", "a.b < * 2", "moves < 1", "a.b < 1x"]
        {
            assert!(Inequality::parse(text).is_err(), "{text}");
        }
        assert_eq!(check("a/b.z < 1"), Err("there is no figure 'a/b.z'".to_owned()));
    }
}
