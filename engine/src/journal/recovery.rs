//! Replay of the journal at open (format, §11.7).
//!
//! - V1. Sections are replayed in order up to the first that is torn; that may only be in the
//!   last file. Anything else that does not fit refuses the whole journal, before a file is
//!   changed: the journal is read twice, and the first time only [rehearsed](super::rehearsal).
//! - V2. Nothing of the journal is removed here. A replay that is broken off is begun again from
//!   the start by the next open, with the same outcome (A2 of `apply`).
//! - V3. When it returns, all that was replayed is persistent in the data files.
//! - V4. A section is persistent in the journal before a data file is changed by it (C2); for
//!   that [`make_persistent`] comes first.
//! - V5. Memory is bounded by the bytes that are really in one section (S2 of `section`), by the
//!   names of files that the journal has, and by a fixed number of open files and of pages that
//!   wait.

use std::path::Path;
use std::sync::Arc;

use super::apply::{Failure, Target, apply};
use super::lsn_file::Lsn;
use super::rehearsal::Rehearsal;
use super::replay_files::DataFiles;
use super::section;
use crate::disk::{Access, Disk, DiskFile};
use crate::error::{Error, Result};
use crate::file_id::{Layout, journal_file, lsn_file};
use crate::format::journal_header;
use crate::format::section::{footer, header};
use crate::options::Options;

/// Sections older than the lsn by more than this are skipped, sequence numbers.
const SKIP_MARGIN: u64 = 10_000;
/// Bytes of the journal that are written again at a time.
const REWRITTEN_AT_ONCE: usize = 1 << 20;

/// What a replay did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Sections carried out.
    pub sections: u64,
    /// Sections skipped, by the lsn.
    pub skipped: u64,
    /// A file, the last one unless sections are passed over, ended within a section; or the
    /// journal ended before what it once had, and that is passed over too.
    pub torn: bool,
}

/// Makes journal file `number`, the last one, as persistent as it is seen: a process that died
/// may have left a section that was not synced, or whose sync failed. After a failed sync only
/// what is written again is persistent for certain (P7), so all of it is.
///
/// # Errors
/// Those of the disk.
pub fn make_persistent(disk: &dyn Disk, number: u32) -> Result<()> {
    let file = disk.open(&journal_file(number), Access::Write)?;
    let (mut piece, mut ofs) = (vec![0; REWRITTEN_AT_ONCE], 0);
    let len = file.len()?;
    while ofs < len {
        let n = (len - ofs).min(REWRITTEN_AT_ONCE as u64) as usize;
        file.read_at(ofs, &mut piece[..n])?;
        file.write_at(ofs, &piece[..n])?;
        ofs += n as u64;
    }
    file.sync()
}

/// Replays the journal files `numbers`, which are contiguous. Pages of `memory` bytes wait until
/// all that is to come of them is there.
///
/// # Errors
/// [`Error::BadFile`] with what to do, and no file has changed; those of the disk. The journal is
/// left as it is.
pub fn recover(
    disk: &Arc<dyn Disk>,
    layout: Layout,
    numbers: &[u32],
    memory: u64,
) -> Result<Replayed> {
    let journal = Journal::open(&**disk, layout, numbers, Damage::Refused)?;
    rehearse(&journal, disk)?;
    let mut files = DataFiles::new(disk.clone(), layout, memory);
    let done = journal.replay(&mut files)?;
    files.sync()?;
    Ok(done)
}

/// The same, for who salvages: a file that the journal creates and that is there keeps its bytes,
/// a section that is damaged is passed over, and what is carried out before a refusal stays.
///
/// Where the journal is damaged, what it has is not for certain newer than what a data file has:
/// a page may have been written back after the section that was lost. Nothing on the page tells,
/// so a line of it may be older afterwards than it was.
///
/// # Errors
/// As [`recover`].
pub fn recover_keeping(disk: &Arc<dyn Disk>, layout: Layout, numbers: &[u32]) -> Result<Replayed> {
    let journal = Journal::open(&**disk, layout, numbers, Damage::PassedOver)?;
    let rehearsed = rehearse(&journal, disk);
    let memory = Options::default().private_budget;
    let mut files = DataFiles::new(disk.clone(), layout, memory).keeping();
    let replayed = journal.replay(&mut files);
    files.sync()?;
    replayed.and_then(|done| rehearsed.map(|()| done))
}

/// Reads all of the journal, and changes nothing.
fn rehearse(journal: &Journal, disk: &Arc<dyn Disk>) -> Result<()> {
    let mut rehearsal = Rehearsal::new(disk.clone(), journal.layout);
    journal.replay(&mut rehearsal)?;
    rehearsal.check_missing()
}

/// Damaged sections that are passed over: bounds what is read in vain.
const DAMAGED_MAX: u32 = 64;

/// What is done about damage, where a crash cannot have left it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Refused,
    PassedOver,
}

/// The journal of a dbpath.
struct Journal<'a> {
    disk: &'a dyn Disk,
    layout: Layout,
    numbers: &'a [u32],
    lsn: Lsn,
    damage: Damage,
}

impl<'a> Journal<'a> {
    fn open(
        disk: &'a dyn Disk,
        layout: Layout,
        numbers: &'a [u32],
        damage: Damage,
    ) -> Result<Journal<'a>> {
        Ok(Journal { disk, layout, numbers, lsn: Lsn::read(disk)?, damage })
    }

    /// Carries out on `target` what its sections say.
    fn replay(&self, target: &mut dyn Target) -> Result<Replayed> {
        let mut replay = Replay {
            journal: self,
            target,
            last_seq: 0,
            done: Replayed::default(),
            damaged: 0,
            bytes: vec![],
            payload: vec![],
        };
        replay.all()?;
        Ok(replay.done)
    }

    fn passes_over_damage(&self) -> bool {
        self.damage == Damage::PassedOver
    }
}

/// A running replay.
struct Replay<'a> {
    journal: &'a Journal<'a>,
    target: &'a mut dyn Target,
    /// The last section that was whole.
    last_seq: u64,
    done: Replayed,
    /// Sections that looked whole but for their sum.
    damaged: u32,
    /// The section that is replayed, as it is in its file and decompressed: room for the longest.
    bytes: Vec<u8>,
    payload: Vec<u8>,
}

impl Replay<'_> {
    /// Replays all journal files.
    fn all(&mut self) -> Result<()> {
        let Journal { disk, numbers, lsn, .. } = *self.journal;
        for (at, &number) in numbers.iter().enumerate() {
            let path = journal_file(number);
            let whole = self.file(&*disk.open(&path, Access::Read)?, &path)?;
            let is_last = at + 1 == numbers.len();
            if !whole && !is_last && !self.journal.passes_over_damage() {
                let problem =
                    "ends within a section, but another journal file follows: restore a backup";
                return Err(Error::BadFile { file: path, problem });
            }
            self.done.torn |= !whole;
        }
        let lacks_its_end = lsn.journaled > self.last_seq.max(lsn.synced);
        if lacks_its_end && !self.journal.passes_over_damage() {
            let problem = "ends before changes that the data files have already: it was damaged; \
                           restore a backup, or salvage";
            let path = numbers.last().map_or_else(lsn_file, |&number| journal_file(number));
            return Err(Error::BadFile { file: path, problem });
        }
        self.done.torn |= lacks_its_end;
        Ok(())
    }

    /// Replays one journal file. Says whether it ended after a section, not within one.
    fn file(&mut self, file: &dyn DiskFile, path: &Path) -> Result<bool> {
        let len = file.len()?;
        if len < journal_header::LEN as u64 {
            return Ok(false);
        }
        let mut head = vec![0; journal_header::LEN];
        file.read_at(0, &mut head)?;
        let file_id = match section::read_file_header(&head) {
            Ok(Some(file_id)) => file_id,
            Ok(None) => return Ok(false),
            Err(_version) => {
                let problem = "a version of the journal that is not known: \
                               recover with the server that wrote it";
                return Err(Error::BadFile { file: path.to_owned(), problem });
            }
        };
        let mut ofs = journal_header::LEN as u64;
        let mut whole = true;
        while ofs < len {
            match self.section(file, path, file_id, ofs, len)? {
                Some(section_len) => ofs += section::aligned(section_len),
                // Those behind a damaged one are the newest there is of what they hold. What only
                // the damaged one held is lost, or in the files already.
                None if self.journal.passes_over_damage() && self.damaged < DAMAGED_MAX => {
                    whole = false;
                    ofs += section::aligned(1);
                }
                None => return Ok(false),
            }
        }
        Ok(whole)
    }

    /// Replays the section at `ofs` and gives its length; `None` if there is no whole one.
    fn section(
        &mut self,
        file: &dyn DiskFile,
        path: &Path,
        file_id: u64,
        ofs: u64,
        file_len: u64,
    ) -> Result<Option<u64>> {
        let rest = file_len - ofs;
        if rest < header::LEN as u64 {
            return Ok(None);
        }
        let mut head = [0; header::LEN];
        file.read_at(ofs, &mut head)?;
        let head = section::read_header(&head);
        if head.file_id != file_id || head.len < header::LEN + footer::LEN || head.len as u64 > rest
        {
            return Ok(None);
        }
        self.bytes.resize(head.len, 0);
        file.read_at(ofs, &mut self.bytes)?;
        let Some(payload) = section::decode(&self.bytes, &mut self.payload) else {
            self.damaged += 1;
            return Ok(None);
        };
        self.last_seq = head.seq_number;
        if self.journal.lsn.synced > head.seq_number.saturating_add(SKIP_MARGIN) {
            self.done.skipped += 1;
            return Ok(Some(head.len as u64));
        }
        apply(self.journal.layout, payload, self.target).map_err(|failure| match failure {
            Failure::Target(error) => error,
            Failure::Unreadable(rule) => {
                tracing::error!(file = %path.display(), ofs, rule, "unreadable journal section");
                let problem = "a section is whole but cannot be read: \
                               recover with the server that wrote it, or restore a backup";
                Error::BadFile { file: path.to_owned(), problem }
            }
        })?;
        self.done.sections += 1;
        Ok(Some(head.len as u64))
    }
}
