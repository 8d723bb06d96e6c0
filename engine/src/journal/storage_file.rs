//! `storage.bson`: which engine the files are of, and how they are laid out (format, §1.4).

use std::path::{Path, PathBuf};

use bson::raw::RawDocument;

use crate::disk::{Access, Disk};
use crate::error::{Error, Result};
use crate::file_id::{Layout, STORAGE_FILE};

/// The file as it is written, for the flat layout; one byte tells the other.
const BYTES: &[u8; 69] = b"\x45\0\0\0\
    \x03storage\0\x37\0\0\0\
    \x02engine\0\x07\0\0\0mmapv1\0\
    \x03options\0\x16\0\0\0\
    \x08directoryPerDB\0\0\0\0\0";
/// Where that byte is.
const DIRECTORY_PER_DB_AT: usize = 65;
/// Longest file that is looked at, bytes.
const LEN_MAX: u64 = 64 * 1024;

fn bytes_of(layout: Layout) -> [u8; 69] {
    let mut bytes = *BYTES;
    bytes[DIRECTORY_PER_DB_AT] = u8::from(layout == Layout::DirectoryPerDb);
    bytes
}

/// What the file says.
fn parse(bytes: &[u8]) -> Result<Layout, &'static str> {
    let unreadable = "cannot be read: restore it from a backup of the directory";
    let document = RawDocument::from_bytes(bytes).map_err(|_| unreadable)?;
    let storage = document.get_document("storage").map_err(|_| unreadable)?;
    if storage.get_str("engine").map_err(|_| unreadable)? != "mmapv1" {
        return Err("the directory belongs to another storage engine: dump it by a mongod that \
                    has that one, and restore the dump here");
    }
    let options = storage.get_document("options").map_err(|_| unreadable)?;
    match options.get_bool("directoryPerDB").map_err(|_| unreadable)? {
        false => Ok(Layout::Flat),
        true => Ok(Layout::DirectoryPerDb),
    }
}

fn bad(problem: &'static str) -> Error {
    Error::BadFile { file: PathBuf::from(STORAGE_FILE), problem }
}

/// How the files are laid out; `None` for a directory without this file.
///
/// # Errors
/// [`Error::BadFile`] if they are not ours; those of the disk.
pub fn layout(disk: &dyn Disk) -> Result<Option<Layout>> {
    let path = Path::new(STORAGE_FILE);
    let Some(found) = disk.metadata(path)? else { return Ok(None) };
    let mut bytes = vec![0; found.len.min(LEN_MAX) as usize];
    disk.open(path, Access::Read)?.read_at(0, &mut bytes)?;
    parse(&bytes).map(Some).map_err(bad)
}

/// Checks that the files are ours and laid out as `wanted`; a directory without this file
/// passes. Says whether the file is there.
///
/// # Errors
/// [`Error::BadFile`] if not; those of the disk.
pub fn check(disk: &dyn Disk, wanted: Layout) -> Result<bool> {
    match layout(disk)? {
        None => Ok(false),
        Some(found) if found == wanted => Ok(true),
        Some(Layout::DirectoryPerDb) => {
            Err(bad("written with directoryPerDB: open the directory with that option"))
        }
        Some(Layout::Flat) => {
            Err(bad("written without directoryPerDB: open the directory without that option"))
        }
    }
}

/// Writes the file: whole under another name, synced, then renamed.
///
/// # Errors
/// Those of the disk.
pub fn write(disk: &dyn Disk, layout: Layout) -> Result<()> {
    let scratch = PathBuf::from(format!("{STORAGE_FILE}.tmp"));
    if disk.metadata(&scratch)?.is_some() {
        disk.remove(&scratch)?;
    }
    let file = disk.create(&scratch, 0)?;
    file.write_at(0, &bytes_of(layout))?;
    file.sync()?;
    disk.rename(&scratch, Path::new(STORAGE_FILE))?;
    disk.sync_dir(Path::new(""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::HeapDisk;

    #[test]
    fn what_is_written_is_what_the_format_shows() {
        let expected = "450000000373746f7261676500370000000\
            2656e67696e6500070000006d6d6170763100036f7074696f6e73001600000008\
            6469726563746f727950657244420000000000";
        let hex: String = bytes_of(Layout::Flat).iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, expected);
        assert_eq!(parse(&bytes_of(Layout::Flat)), Ok(Layout::Flat));
        assert_eq!(parse(&bytes_of(Layout::DirectoryPerDb)), Ok(Layout::DirectoryPerDb));
    }

    #[test]
    fn a_directory_is_opened_as_it_was_written() {
        for (written, other) in
            [(Layout::Flat, Layout::DirectoryPerDb), (Layout::DirectoryPerDb, Layout::Flat)]
        {
            let disk = HeapDisk::new();
            assert!(!check(&disk, written).expect("missing"));
            for _ in 0..2 {
                write(&disk, written).expect("written");
            }
            assert!(check(&disk, written).expect("same"));
            assert!(matches!(check(&disk, other), Err(Error::BadFile { .. })));
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        let good = bytes_of(Layout::Flat);
        let mut wired_tiger = good;
        wired_tiger[30..36].copy_from_slice(b"wiredt");
        assert!(parse(&wired_tiger).is_err());
        for cut in 0..good.len() {
            assert!(parse(&good[..cut]).is_err(), "cut at {cut}");
        }
    }
}
