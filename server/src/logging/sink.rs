//! Where the log goes: standard output, or a file that can be ended while others write into it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::{Rotation, Settings};

/// Takes lines.
#[derive(Debug)]
pub struct Sink {
    path: Option<PathBuf>,
    rotation: Rotation,
    open: Mutex<Open>,
}

#[derive(Debug)]
struct Open {
    /// Standard output if there is none.
    file: Option<File>,
    /// Lines that could not be written, and were not told of.
    lost: u64,
}

impl Sink {
    /// Opens it. A file that exists is kept under another name, unless it is to be gone on with.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn open(settings: &Settings) -> io::Result<Sink> {
        let file = match &settings.path {
            None => None,
            Some(path) => {
                if !settings.append && settings.rotation == Rotation::Rename {
                    set_aside(path)?;
                }
                Some(appended(path)?)
            }
        };
        let open = Mutex::new(Open { file, lost: 0 });
        Ok(Sink { path: settings.path.clone(), rotation: settings.rotation, open })
    }

    fn opened(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a line, or notes that it is lost.
    pub fn write(&self, line: &str) {
        let mut open = self.opened();
        let note = match open.lost {
            0 => String::new(),
            lost => format!("({lost} lines of the log could not be written)\n"),
        };
        match open.put(format!("{note}{line}\n").as_bytes()) {
            Ok(()) => open.lost = 0,
            Err(_) => open.lost += 1,
        }
    }

    /// Ends the file and begins another. Answers whether there is one.
    ///
    /// # Errors
    /// If it cannot be renamed or opened; the one before goes on then.
    pub fn rotate(&self) -> io::Result<bool> {
        let Some(path) = &self.path else { return Ok(false) };
        let mut open = self.opened();
        if self.rotation == Rotation::Rename {
            set_aside(path)?;
        }
        open.file = Some(appended(path)?);
        Ok(true)
    }
}

impl Open {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.file {
            Some(file) => file.write_all(bytes),
            None => {
                let mut out = io::stdout().lock();
                out.write_all(bytes)?;
                out.flush()
            }
        }
    }
}

fn appended(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Gives a file the time as a suffix; nothing if there is none.
fn set_aside(path: &Path) -> io::Result<()> {
    if !path.is_file() {
        return Ok(());
    }
    let now = Timestamp::now().strftime("%Y-%m-%dT%H-%M-%S").to_string();
    for attempt in 0..1000 {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{now}"));
        if attempt > 0 {
            name.push(format!(".{attempt}"));
        }
        if !Path::new(&name).exists() {
            return fs::rename(path, name);
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> usize {
        fs::read_dir(folder).expect("a directory").count()
    }

    fn text(path: &Path) -> String {
        fs::read_to_string(path).expect("a file")
    }

    #[test]
    fn a_file_is_begun_anew_or_gone_on_with() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("t.log");
        let mut settings = Settings { path: Some(path.clone()), ..Settings::default() };
        Sink::open(&settings).expect("opens").write("one");
        Sink::open(&settings).expect("opens").write("two");
        assert_eq!((text(&path).as_str(), names(folder.path())), ("two\n", 2));
        settings.append = true;
        Sink::open(&settings).expect("opens").write("three");
        assert_eq!((text(&path).as_str(), names(folder.path())), ("two\nthree\n", 2));
    }

    #[test]
    fn a_file_is_ended_by_renaming_or_was_moved_away() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("t.log");
        for (rotation, files) in [(Rotation::Rename, 3), (Rotation::Reopen, 2)] {
            let rotated = folder.path().join("moved");
            let settings = Settings {
                path: Some(path.clone()),
                rotation,
                append: true,
                ..Settings::default()
            };
            let sink = Sink::open(&settings).expect("opens");
            sink.write("before");
            if rotation == Rotation::Reopen {
                fs::rename(&path, &rotated).expect("moved");
            }
            sink.rotate().expect("rotated");
            sink.write("after");
            if rotation == Rotation::Rename {
                // Twice within a second is two files.
                sink.rotate().expect("rotated");
                sink.write("after");
            }
            assert_eq!((text(&path).as_str(), names(folder.path())), ("after\n", files));
            for entry in fs::read_dir(folder.path()).expect("a directory") {
                fs::remove_file(entry.expect("an entry").path()).expect("removed");
            }
        }
    }

    #[test]
    fn lines_that_were_lost_are_told_of() {
        let folder = tempfile::tempdir().expect("a directory");
        let path = folder.path().join("t.log");
        let settings = Settings { path: Some(path.clone()), ..Settings::default() };
        let sink = Sink::open(&settings).expect("opens");
        sink.opened().file = Some(File::open(&path).expect("only to be read"));
        sink.write("lost");
        sink.opened().file = Some(appended(&path).expect("opens"));
        sink.write("there");
        assert_eq!(text(&path), "(1 lines of the log could not be written)\nthere\n");
    }
}
