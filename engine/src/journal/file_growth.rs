//! Lengths of data files and their first bytes: numbers in, numbers and bytes out
//! (format, §1.2, §2.1).

use crate::error::Error;
use crate::format::data_file_header as header;
use crate::limits::{DATA_FILE_LEN_MAX, PAGE};

/// Bytes of a file that no extent can have, as sizing counts them: the header.
const HEADER: i64 = header::LEN as i64;
/// Shortest file that is believed to be a data file: header and one extent's beginning.
pub const DATA_FILE_LEN_MIN: u64 = header::LEN as u64 + 4;

/// Length of data file `n` when an extent of `extent_len` bytes is to fit and the file before it
/// has `previous_len` bytes (0 for the first).
pub fn data_file_len(n: i32, extent_len: i32, previous_len: i64, small_files: bool) -> i64 {
    let divisor = if small_files { 4 } else { 1 };
    let max = DATA_FILE_LEN_MAX as i64 / divisor;
    let mut len = if n <= 4 { (64 << 20 << n.max(0)) / divisor } else { max };
    let len_min = previous_len.max(extent_len as i64 + HEADER);
    while len < len_min && len < max {
        len = if len >= max / 2 { max } else { len * 2 };
    }
    len.min(max)
}

/// Why a file of `len` bytes cannot be a data file, if it cannot.
pub fn check_len(len: u64) -> Result<(), &'static str> {
    if len > i32::MAX as u64 {
        return Err("a data file is shorter than 2 GiB");
    }
    if !len.is_multiple_of(PAGE as u64) {
        return Err("the length of a data file is a multiple of 4096: it was cut or extended");
    }
    Ok(())
}

/// Why the files of a database cannot be used, if they cannot, by the version in its file 0.
pub fn check_version(major: u32, minor: u32) -> Result<(), &'static str> {
    match (major, minor & 0xf, minor >> 4) {
        (header::MAJOR, 5 | 6, 0 | 1) => Ok(()),
        (header::MAJOR, 5 | 6, 2 | 3) => {
            Err("written by MongoDB 3.4 with collations, which are not supported")
        }
        (header::MAJOR, 0..=4, 0) => {
            Err("written by a MongoDB older than 2.0: open it with 2.6 and repair it first")
        }
        _ => Err("this version of the data file format is not known"),
    }
}

/// Length that a new file takes over from an unused one of that name, if it may: valid, and
/// with room for the extent.
pub fn reusable_len(len: u64, extent_len: i32) -> Option<i64> {
    let room = extent_len as u64 + header::LEN as u64 + header::TAIL as u64;
    (check_len(len).is_ok() && len >= room && len <= DATA_FILE_LEN_MAX as u64).then_some(len as i64)
}

/// Why a file of `len` bytes cannot be an `.ns` file, if it cannot (format, §1.3).
pub fn check_ns_len(len: u64) -> Result<(), &'static str> {
    match len {
        0 => Err("the file is empty: it was cut; restore a backup"),
        n if n > i32::MAX as u64 || !n.is_multiple_of(1 << 20) => {
            Err("the length of an .ns file is a multiple of 1 MiB: restore a backup")
        }
        _ => Ok(()),
    }
}

/// A file that breaks a rule.
pub fn bad_file(path: &std::path::Path) -> impl FnOnce(&'static str) -> Error {
    move |problem| Error::BadFile { file: path.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk_loc::{DiskLoc, FileNo};

    const DEFAULT: [i64; 7] = [
        67_108_864,
        134_217_728,
        268_435_456,
        536_870_912,
        1_073_741_824,
        2_146_435_072,
        2_146_435_072,
    ];
    const SMALL: [i64; 7] =
        [16_777_216, 33_554_432, 67_108_864, 134_217_728, 268_435_456, 536_608_768, 536_608_768];

    #[test]
    fn the_tables_of_the_format() {
        for n in 0..7 {
            assert_eq!(data_file_len(n, 4096, 0, false), DEFAULT[n as usize]);
            assert_eq!(data_file_len(n, 4096, 0, true), SMALL[n as usize]);
        }
    }

    #[test]
    fn no_file_is_shorter_than_the_one_before_it() {
        for table in [DEFAULT, SMALL] {
            let small = table == SMALL;
            for n in 1..7 {
                for &previous in &table {
                    let len = data_file_len(n, 4096, previous, small);
                    assert!(len >= previous && table.contains(&len), "{n} {previous} {len}");
                }
            }
            // A file of a run with larger files does not make ours larger than our largest.
            assert_eq!(data_file_len(1, 4096, DEFAULT[6], small), table[6]);
        }
    }

    #[test]
    fn an_extent_fits_up_to_the_largest_file() {
        // Doubled until it fits; from half of the largest on, the largest.
        assert_eq!(data_file_len(0, 16_777_216 - 8192, 0, true), 16_777_216);
        assert_eq!(data_file_len(0, 16_777_216 - 8191, 0, true), 33_554_432);
        assert_eq!(data_file_len(0, 268_435_456 - 8192, 0, true), 268_435_456);
        assert_eq!(data_file_len(0, 268_435_456 - 8191, 0, true), 536_608_768);
        assert_eq!(data_file_len(0, i32::MAX, 0, true), 536_608_768);
        assert_eq!(data_file_len(0, i32::MAX, 0, false), 2_146_435_072);
    }

    #[test]
    fn a_new_header_gives_everything_to_extents() {
        let bytes = header::fresh(FileNo(3), 16_777_216);
        assert_eq!(
            &bytes[..24],
            [4, 0, 0, 0, 22, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0, 0, 0x20, 0, 0, 0xf0, 0xdf, 0xff, 0]
        );
        assert_eq!(header::FREE_LIST_START.get(&bytes), DiskLoc::NULL);
        assert_eq!(header::FREE_LIST_END.get(&bytes), DiskLoc::NULL);
    }

    #[test]
    fn versions() {
        for minor in [5, 6, 21, 22] {
            assert_eq!(check_version(4, minor), Ok(()));
        }
        for (major, minor) in [(4, 4), (4, 7), (4, 22 | 0x20), (4, 22 | 0x40), (5, 22), (0, 0)] {
            assert!(check_version(major, minor).is_err(), "{major}/{minor}");
        }
    }

    #[test]
    fn lengths() {
        assert!(check_len(16 << 20).is_ok() && check_len((16 << 20) + 1).is_err());
        assert!(check_len(1 << 31).is_err());
        assert!(check_ns_len(1 << 20).is_ok() && check_ns_len(1 << 19).is_err());
        assert!(check_ns_len(0).is_err() && check_ns_len(1 << 31).is_err());
        assert_eq!(reusable_len(64 << 20, 4096), Some(64 << 20));
        assert_eq!(reusable_len(64 << 20, 64 << 20), None);
        assert_eq!(reusable_len(8196, 4096), None);
    }
}
