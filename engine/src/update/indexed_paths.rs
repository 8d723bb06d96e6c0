//! Which paths might be indexed: an update of one of them is never done in place, so that the
//! indexes are looked after.

use crate::bson::field::FieldPath;

/// The fields that the indexes of a collection, or partial filters of theirs, speak of.
#[derive(Debug, Clone, Default)]
pub struct IndexedPaths {
    paths: Vec<FieldPath>,
}

/// Components that name fields: places in arrays and `$` stand for elements of their parent.
/// The first component is always a field.
fn fields<'a>(components: impl Iterator<Item = &'a str>) -> impl Iterator<Item = &'a str> {
    let is_place = |name: &str| {
        name.starts_with('$') || (!name.is_empty() && name.bytes().all(|b| b.is_ascii_digit()))
    };
    components.enumerate().filter(move |(i, name)| *i == 0 || !is_place(name)).map(|(_, name)| name)
}

impl IndexedPaths {
    /// No path is indexed.
    pub const NONE: IndexedPaths = IndexedPaths { paths: vec![] };

    /// The paths of all index keys.
    pub fn new(paths: impl IntoIterator<Item = FieldPath>) -> IndexedPaths {
        IndexedPaths { paths: paths.into_iter().collect() }
    }

    /// Might a change at `path` change a key: is it an indexed path, above one, or below one,
    /// array places aside?
    #[inline]
    pub fn might_be_indexed(&self, path: &FieldPath) -> bool {
        self.paths.iter().any(|indexed| path.may_share_first(indexed) && is_related(path, indexed))
    }
}

fn is_related(path: &FieldPath, indexed: &FieldPath) -> bool {
    fields(path.components()).zip(fields(indexed.components())).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_above_or_below_places_aside() {
        let indexed = ["metadata.site", "a.0.b", "7.x"];
        let indexed = IndexedPaths::new(indexed.map(|path| FieldPath::parse(path).unwrap()));
        let might = |path: &str| indexed.might_be_indexed(&FieldPath::parse(path).unwrap());
        for path in [
            "metadata",
            "metadata.site",
            "metadata.site.x",
            "metadata.3.site",
            "a",
            "a.b",
            "a.5.b.c",
            "a.$.b",
            "a.9",
            "7",
            "7.x",
            "7.1.x",
        ] {
            assert!(might(path), "{path}");
        }
        for path in ["minute.1", "metadata.page", "meta", "metadata2", "a.c", "7.y", "x"] {
            assert!(!might(path), "{path}");
        }
        assert!(!IndexedPaths::NONE.might_be_indexed(&FieldPath::parse("a").unwrap()));
    }
}
