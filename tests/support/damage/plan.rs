//! Which damages there are, and which of them the plain test run tries.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use tallymap::disk::{Access, Disk};

use super::Damage;
use super::image;
use super::salvage::Expected;
use super::structures::{Files, Structures, i32_at};
use super::trial::{Tally, try_all};
use super::values::damages;
use crate::seed::Seed;

const SECTOR: usize = 512;
/// Places of one field that the plain test run damages.
const PLACES: usize = 1;

/// A kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Every field of every structure, overwritten by every value that may matter there.
    Fields,
    /// Files cut at every multiple of 512 bytes.
    Lengths,
    /// Every sector of 512 bytes that is not zero: zeros, ones, garbage.
    Sectors,
    /// Bits of bytes that are not zero.
    Bits,
    /// Files that are gone, empty or garbage.
    Files,
}

/// All of them.
pub const PARTS: [Part; 5] = [Part::Fields, Part::Lengths, Part::Sectors, Part::Bits, Part::Files];

/// A sound database, and what is done to it.
pub struct Plan {
    disk: Arc<dyn Disk>,
    expected: Expected,
    files: Files,
    structures: Structures,
}

impl Plan {
    /// Looks at the sound database.
    ///
    /// # Panics
    /// If it is not sound.
    pub fn make() -> Plan {
        let disk = image::make().expect("a disk in RAM");
        let read = |name: &str, most: usize| {
            let file = disk.open(Path::new(name), Access::Read).expect("is there");
            let mut bytes = vec![0; most.min(file.len().expect("a length") as usize)];
            file.read_at(0, &mut bytes).expect("reads");
            bytes
        };
        let used = i32_at(&read("d.0", 8192), 16) as usize;
        let files = Files { ns: read("d.ns", usize::MAX), data: read("d.0", used) };
        let structures = Structures::find(&files);
        Plan { expected: Expected::of(disk.clone()), structures, files, disk }
    }

    /// Structures and their fields.
    pub fn fields(&self) -> BTreeSet<(&'static str, &'static str)> {
        self.structures.fields.iter().map(|field| (field.table, field.row)).collect()
    }

    /// Tries `damages`; calls `tried` after each.
    pub fn run(&self, damages: &[Damage], tried: impl Fn() + Sync) -> Tally {
        try_all(&self.disk, &self.expected, damages, tried)
    }

    /// All damages of a part.
    pub fn all(&self, part: Part, seed: &mut Seed) -> Vec<Damage> {
        match part {
            Part::Fields => {
                let fields = self.structures.fields.iter();
                fields.flat_map(|field| damages(field, &self.files, &self.structures)).collect()
            }
            Part::Lengths => self.lengths(),
            Part::Sectors => self.sectors(seed),
            Part::Bits => (0..20_000).map(|_| self.bits(seed)).collect(),
            Part::Files => self.files_of(seed),
        }
    }

    /// Those of the plain test run.
    pub fn some(&self, part: Part, seed: &mut Seed) -> Vec<Damage> {
        let one_in = match part {
            Part::Fields => return self.some_fields(seed),
            Part::Lengths => 24,
            Part::Sectors => 24,
            Part::Bits => 100,
            Part::Files => 1,
        };
        let mut all = self.all(part, seed);
        all.retain(|_| one_in == 1 || seed.one_in(one_in));
        all
    }

    /// Every field at some of its places.
    fn some_fields(&self, seed: &mut Seed) -> Vec<Damage> {
        let mut by_name: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for field in &self.structures.fields {
            by_name.entry((field.table, field.row)).or_default().push(field);
        }
        let mut some = Vec::new();
        for places in by_name.values() {
            for _ in 0..PLACES {
                some.extend(damages(seed.pick(places), &self.files, &self.structures));
            }
        }
        some
    }

    fn lengths(&self) -> Vec<Damage> {
        let of_file = |file: &'static str, used: usize| {
            (0..=used).step_by(SECTOR).map(move |len| Damage::cut(file, len as u64))
        };
        let data = of_file("d.0", self.files.data.len() + SECTOR);
        of_file("d.ns", self.files.ns.len() - SECTOR).chain(data).collect()
    }

    fn sectors(&self, seed: &mut Seed) -> Vec<Damage> {
        let mut out = Vec::new();
        for (file, bytes) in [("d.ns", &self.files.ns), ("d.0", &self.files.data)] {
            for (n, sector) in bytes.chunks(SECTOR).enumerate() {
                if sector.iter().all(|byte| *byte == 0) {
                    continue;
                }
                let garbage = sector.iter().map(|_| seed.below(256) as u8).collect();
                for bytes in [vec![0; sector.len()], vec![0xff; sector.len()], garbage] {
                    out.push(Damage::bytes(file, (n * SECTOR) as u64, bytes));
                }
            }
        }
        out
    }

    /// A bit of a byte that is not zero, or of one of the four beside it.
    fn bits(&self, seed: &mut Seed) -> Damage {
        let (file, bytes) = match seed.one_in(3) {
            true => ("d.ns", &self.files.ns),
            false => ("d.0", &self.files.data),
        };
        loop {
            let at = seed.below(bytes.len() as u32) as usize;
            let around = &bytes[at.saturating_sub(4)..(at + 4).min(bytes.len())];
            if around.iter().any(|byte| *byte != 0) {
                let bytes = vec![bytes[at] ^ 1 << seed.below(8)];
                return Damage::bytes(file, at as u64, bytes);
            }
        }
    }

    fn files_of(&self, seed: &mut Seed) -> Vec<Damage> {
        let mut out = Vec::new();
        for file in ["d.ns", "d.0", "storage.bson", "mongod.lock"] {
            out.push(Damage::gone(file));
            out.push(Damage::cut(file, 0));
            for len in [1, 64, 8192] {
                let bytes = (0..len).map(|_| seed.below(256) as u8).collect();
                out.push(Damage::bytes(file, 0, bytes));
            }
        }
        out
    }
}
