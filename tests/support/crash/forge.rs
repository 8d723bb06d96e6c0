//! Gives torn journal sections a hash that fits, as if recovery did not look at it.

use std::path::Path;

use tallymap::disk::{Access, Disk, HeapDisk};
use tallymap::format::journal_header;
use tallymap::format::section::{self, ALIGN, footer, header};

use crate::journal_bytes::hash;

/// Forges the footers of all sections of all journal files.
pub fn forge_hashes(disk: &HeapDisk) {
    let dir = Path::new("journal");
    for entry in disk.list(dir).expect("listed") {
        if !entry.name.starts_with("j._") {
            continue;
        }
        let file = disk.open(&dir.join(&entry.name), Access::Write).expect("listed");
        let mut bytes = vec![0; file.len().expect("open") as usize];
        file.read_at(0, &mut bytes).expect("inside");
        let mut at = ALIGN;
        while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() > header::LEN) {
            let len = header::SECTION_LEN.get(rest) as usize;
            if len < header::LEN + footer::LEN || len > rest.len() {
                break;
            }
            let end = at + len - footer::LEN;
            let sum = hash(&bytes[at..end]);
            let crc = crc32fast::hash(&bytes[at..end]);
            let foot = &mut bytes[end..at + len];
            footer::SENTINEL.put(foot, section::SENTINEL_VALUE);
            footer::HASH.put(foot, sum);
            footer::CRC.put(foot, crc);
            footer::MAGIC.put(foot, section::FOOTER_MAGIC);
            at += len.next_multiple_of(ALIGN);
        }
        if bytes.len() > journal_header::LEN {
            file.write_at(0, &bytes).expect("written");
        }
    }
}
