//! Does an error say what happened, to which file, and what to do?

use std::path::Path;

use tallymap::disk::sim_disk::{Call, Fault};
use tallymap::{Class, Error};

/// What the user of a bad disk reads: of one of the calls that `failed`, or that the engine has
/// stopped because of one.
///
/// # Panics
/// If `error` is neither, or leaves its reader alone.
pub fn check(error: &Error, fault: Fault, failed: &[Call]) {
    let text = error.to_string();
    let has_failed = |file: &Path| failed.iter().any(|call| call.file == file);
    let names = |file: &Path| text.contains(&*file.to_string_lossy());
    match error {
        Error::DiskFull { file, .. } => {
            assert!(fault == Fault::NoSpace && has_failed(file), "{text}");
            assert!(text.contains("disk is full") && text.contains("try again"), "{text}");
            assert!(names(file), "{text}");
        }
        Error::Io { file, .. } => {
            assert!(fault == Fault::Io && has_failed(file), "{text}");
            assert!(text.contains("cannot") && text.contains("Input/output error"), "{text}");
            assert!(text.contains("check the disk") && names(file), "{text}");
        }
        Error::ReadOnly { why } => {
            let cause = match fault {
                Fault::NoSpace => "the disk is full",
                _ => "Input/output error",
            };
            assert!(why.contains(cause), "{text}");
            assert!(failed.iter().any(|call| names(&call.file)), "{text}");
            assert!(text.contains("open the directory again"), "{text}");
        }
        other => panic!("a bad disk is no {other:?}"),
    }
    let class = match error {
        Error::ReadOnly { .. } => Class::Stop,
        _ => Class::Retry,
    };
    assert_eq!(error.class(), class);
}
