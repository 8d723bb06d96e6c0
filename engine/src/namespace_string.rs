//! `test.counters`: a database name, a dot, a collection name, both checked (format, §5.1).

use std::fmt;

use crate::error::{Error, Result};
use crate::limits::{COLLECTION_NAME_MAX, DATABASE_NAME_MAX};

/// The collections that describe a database's collections and indexes: MongoDB's two, and that
/// of the options that MongoDB has no place for, which may be missing.
pub(crate) const CATALOGUE: [&str; 3] =
    ["system.namespaces", "system.indexes", "tallymap.collections"];

/// A checked full name of a collection. The database ends at the first dot.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespaceString {
    full: Box<str>,
    dot: usize,
}

impl NamespaceString {
    /// Checks `full`, such as `stats.daily`.
    ///
    /// # Errors
    /// [`Error::InvalidNamespace`] with the rule that it breaks.
    pub fn parse(full: &str) -> Result<NamespaceString> {
        let bad = |rule| Error::InvalidNamespace { name: full.to_owned(), rule };
        let dot = full.find('.').ok_or_else(|| bad("must be <database>.<collection>"))?;
        let (database, collection) = (&full[..dot], &full[dot + 1..]);
        check_database_name(database)?;
        match collection {
            "" => Err(bad("the collection name is empty")),
            c if c.starts_with('.') || c.ends_with('.') => {
                Err(bad("a collection name neither begins nor ends with a dot"))
            }
            c if c.contains('\0') => Err(bad("a name contains no NUL")),
            c if c.contains('$') => Err(bad("a collection name contains no $")),
            _ if full.len() > COLLECTION_NAME_MAX => Err(bad("longer than 120 bytes")),
            _ => Ok(NamespaceString { full: full.into(), dot }),
        }
    }

    /// `database` and `collection` joined, and checked.
    ///
    /// # Errors
    /// As [`NamespaceString::parse`].
    pub fn new(database: &str, collection: &str) -> Result<NamespaceString> {
        check_database_name(database)?;
        NamespaceString::parse(&format!("{database}.{collection}"))
    }

    /// One of the engine's own collections, of a database whose name was checked.
    pub(crate) fn system(database: &str, collection: &str) -> NamespaceString {
        NamespaceString { full: format!("{database}.{collection}").into(), dot: database.len() }
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.full
    }

    /// The part before the first dot.
    pub fn database(&self) -> &str {
        &self.full[..self.dot]
    }

    /// The part after the first dot.
    pub fn collection(&self) -> &str {
        &self.full[self.dot + 1..]
    }

    /// Is it one of MongoDB's own (`system.…`)?
    pub fn is_system(&self) -> bool {
        self.collection().starts_with("system.")
    }

    /// Is it one of those that describe a database's collections and indexes? They change with
    /// what they describe, and never by themselves.
    pub fn is_catalogue(&self) -> bool {
        CATALOGUE.contains(&self.collection())
    }

    /// The namespace that holds the buckets of index `index`.
    pub fn index_namespace(&self, index: &str) -> String {
        format!("{}.${index}", self.full)
    }
}

/// Checks a database name.
///
/// # Errors
/// [`Error::InvalidNamespace`] with the rule that it breaks.
pub fn check_database_name(name: &str) -> Result<()> {
    let bad = |rule| Err(Error::InvalidNamespace { name: name.to_owned(), rule });
    match name {
        "" => bad("the database name is empty"),
        n if n.len() > DATABASE_NAME_MAX => bad("a database name has at most 64 bytes"),
        n if n.contains(['/', '\\', '.', ' ', '"', '\0', '$']) => {
            bad("a database name contains none of / \\ . space \" $ NUL")
        }
        _ => Ok(()),
    }
}

impl fmt::Display for NamespaceString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

impl fmt::Debug for NamespaceString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_dot() {
        let ns = NamespaceString::parse("stats.technology.2011").expect("valid");
        assert_eq!((ns.database(), ns.collection()), ("stats", "technology.2011"));
        assert_eq!(ns.index_namespace("_id_"), "stats.technology.2011.$_id_");
    }

    #[test]
    fn refuses_names_that_mongod_refuses() {
        let long = format!("a.{}", "x".repeat(119));
        for name in ["", "a", ".b", "a.", "a..b", "a.b.", "a b.c", "a/b.c", "a.b\0", "a.b$c", &long]
        {
            let refused = NamespaceString::parse(name);
            assert!(matches!(refused, Err(Error::InvalidNamespace { .. })), "{name:?}");
        }
        assert!(NamespaceString::parse(&long[..120]).is_ok());
    }
}
