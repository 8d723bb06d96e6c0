//! What a field is overwritten with: boundaries, what is next to its own value, and locations
//! of other structures, which make cycles and cross-links.

use super::Damage;
use super::field::{Field, Kind};
use super::structures::{Files, Structures};

/// Most places of one kind that a location is led to.
const PLACES: usize = 3;

/// All damages to one field.
pub fn damages(field: &Field, files: &Files, structures: &Structures) -> Vec<Damage> {
    let file = if field.file == "d.ns" { &files.ns } else { &files.data };
    let old = &file[field.ofs as usize..][..field.width];
    let values = match field.kind {
        Kind::Number => numbers(old),
        Kind::Double => [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300].map(bytes_of).to_vec(),
        Kind::Loc => locations(field, old, structures),
        Kind::Loc56 => {
            let short = |loc: &Vec<u8>| [&loc[4..8], &loc[..3]].concat();
            locations(field, old, structures).iter().map(short).collect()
        }
        Kind::Text => texts(old),
        Kind::Bytes => vec![vec![0xff; field.width], vec![0; field.width]],
    };
    let damage = |bytes| Damage::bytes(field.file, field.ofs, bytes);
    values.into_iter().filter(|value| value != old).map(damage).collect()
}

fn bytes_of(number: f64) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

/// Boundaries of the width, and of what lengths and counts can be; what is next to the value.
pub fn numbers(old: &[u8]) -> Vec<Vec<u8>> {
    let mut wide = [0; 8];
    wide[..old.len()].copy_from_slice(old);
    let value = i64::from_le_bytes(wide);
    let high = 1_i64 << (8 * old.len() - 1);
    let near = [1, -1, 4, -4, 16, 256, 4096].map(|by| value.wrapping_add(by));
    let far = [0, 1, 2, 16, 176, 8192, 0x7fff_fff0, -1, -2, high, high.wrapping_sub(1)];
    let other = [value.wrapping_mul(2), value / 2, -value];
    let all = near.into_iter().chain(far).chain(other);
    let mut values: Vec<_> = all.map(|value| value.to_le_bytes()[..old.len()].to_vec()).collect();
    values.sort();
    values.dedup();
    values
}

fn locations(field: &Field, old: &[u8], structures: &Structures) -> Vec<Vec<u8>> {
    let loc = |file: i32, ofs: i32| [file.to_le_bytes(), ofs.to_le_bytes()].concat();
    let mut values = vec![
        loc(-1, 0),
        loc(-2, 0),
        loc(0, 0),
        loc(0, field.base as i32),
        loc(0, i32::MAX - 15),
        loc(0, i32::MIN),
        loc(1, 8192),
        loc(77, 8192),
        loc(i32::MIN, -1),
    ];
    if field.kind == Kind::Loc {
        values.push([&old[..4], &(super::structures::i32_at(old, 4) ^ 2).to_le_bytes()].concat());
    }
    for kind in ["extent", "record", "bucket", "deleted record"] {
        let of_kind = structures.places.iter().filter(|place| place.0 == kind);
        let of_kind: Vec<i32> = of_kind.map(|place| place.1).collect();
        // Some from all over the file: others' too.
        let step = (of_kind.len() / PLACES).max(1);
        values.extend(of_kind.iter().step_by(step).map(|ofs| loc(0, *ofs)));
    }
    values
}

fn texts(old: &[u8]) -> Vec<Vec<u8>> {
    let padded = |text: &[u8]| {
        let mut value = vec![0; old.len()];
        value[..text.len()].copy_from_slice(text);
        value
    };
    let mut other = old.to_vec();
    other[0] ^= 1;
    let mut last = old.to_vec();
    let len = old.iter().position(|b| *b == 0).unwrap_or(old.len());
    last[len.saturating_sub(1)] ^= 1;
    vec![
        padded(b""),
        vec![0xff; old.len()],
        vec![b'x'; old.len()],
        padded(b"d.k"),
        padded(b"d.system.indexes"),
        padded(b"d.c.$_id_"),
        padded(b"other.c"),
        other,
        last,
    ]
}
