//! Names of what `$out` and `$merge` write to.

use crate::error::{Error, Reason, Result};
use crate::namespace_string::NamespaceString;

/// Databases that are the server's own.
const INTERNAL: [&str; 3] = ["admin", "config", "local"];

/// The collection that a stage is to write to, if it may have that name.
///
/// # Errors
/// As the stage tells of it: `$out` and `$merge` have words and numbers of their own.
pub fn check(stage: &str, database: &str, name: &str) -> Result<NamespaceString> {
    let is_out = stage == "$out";
    let refused = |reason, message: String| Err(Error::refused(reason, message));
    if name.is_empty() {
        let target = format!("{database}.");
        let message = match is_out {
            true => format!("Invalid $out target namespace, {target}"),
            false => format!("Invalid {stage} target namespace: '{target}'"),
        };
        return refused(Reason::InvalidNamespace, message);
    }
    if name.starts_with("system.") {
        let (number, word) = if is_out { (17385, "Can't") } else { (31319, "Cannot") };
        let message = format!("{word} {stage} to special collection: {name}");
        return refused(Reason::Location(number), message);
    }
    if INTERNAL.contains(&database) {
        let (number, word) = if is_out { (31321, "Can't") } else { (31320, "Cannot") };
        let message = format!("{word} {stage} to internal database: {database}");
        return refused(Reason::Location(number), message);
    }
    if name.starts_with('.') {
        let message = format!("Collection names cannot start with '.': {name}");
        return refused(Reason::InvalidNamespace, message);
    }
    if name.contains('$') {
        let message = format!("Invalid collection name: {name}");
        return match is_out {
            true => {
                refused(Reason::IllegalOperation, format!("error with target namespace: {message}"))
            }
            false => refused(Reason::InvalidNamespace, message),
        };
    }
    NamespaceString::new(database, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_is_wrong_with_a_name() {
        let cases = [
            ("$out", "", 73, "Invalid $out target namespace, d."),
            ("$merge", "", 73, "Invalid $merge target namespace: 'd.'"),
            ("$out", "$x", 20, "error with target namespace: Invalid collection name: $x"),
            ("$merge", "a$b", 73, "Invalid collection name: a$b"),
            ("$out", ".a", 73, "Collection names cannot start with '.': .a"),
            ("$out", "system.x", 17385, "Can't $out to special collection: system.x"),
            ("$merge", "system.x", 31319, "Cannot $merge to special collection: system.x"),
        ];
        for (stage, name, code, message) in cases {
            let error = check(stage, "d", name).expect_err(name);
            assert_eq!((error.code(), error.to_string().as_str()), (code, message), "{name}");
        }
        for (stage, database, code, message) in [
            ("$out", "admin", 31321, "Can't $out to internal database: admin"),
            ("$merge", "local", 31320, "Cannot $merge to internal database: local"),
        ] {
            let error = check(stage, database, "a$b").expect_err(database);
            assert_eq!((error.code(), error.to_string().as_str()), (code, message));
        }
        assert_eq!(check("$out", "d", "a").expect("a name").as_str(), "d.a");
    }
}
