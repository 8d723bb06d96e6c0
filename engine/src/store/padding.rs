//! How long a record is made for its data: deleted-list buckets, the sizing policies of every
//! version, and the quanta of 2.4 (format, §6.1, §6.2, §6.6). Numbers to numbers: no files.
//!
//! P1. Every policy answers at least what was asked for, a multiple of 4, and at most
//!     [`RECORD_LEN_MAX`], provided that what was asked for is at most that.
//! P2. `bucket(len)` is the only list in which a deleted record of `len` bytes may stand.

use crate::format::namespace::details::{FLAG_NO_PADDING, FLAG_POWER_OF_2};
use crate::limits::RECORD_LEN_MAX;

/// Number of deleted lists of a namespace.
pub const BUCKETS: usize = 26;

/// List `i` holds deleted records shorter than `BUCKET_SIZES[i]` that do not fit list `i − 1`.
/// Never renumber: the lists stand on disk.
pub const BUCKET_SIZES: [i32; BUCKETS] = [
    0x20,
    0x40,
    0x80,
    0x100,
    0x200,
    0x400,
    0x800,
    0x1000,
    0x2000,
    0x4000,
    0x8000,
    0x1_0000,
    0x2_0000,
    0x4_0000,
    0x8_0000,
    0x10_0000,
    0x20_0000,
    0x40_0000,
    0x60_0000,
    0x80_0000,
    0xA0_0000,
    0xC0_0000,
    0xE0_0000,
    RECORD_LEN_MAX,
    RECORD_LEN_MAX + 1,
    i32::MAX,
];

/// The last size that [`quantize`] answers.
const LAST_QUANTUM: usize = 23;
/// The last list of 2.x, which holds all deleted records of 4 MiB and more.
pub const LAST_BUCKET_2X: usize = 18;
const MIB: i32 = 1 << 20;

/// The deleted list for a deleted record of `len` bytes.
pub fn bucket(len: i32) -> usize {
    BUCKET_SIZES.partition_point(|&bound| bound <= len).min(BUCKETS - 1)
}

/// The bucket by the table of 2.x: the same up to 4 MiB, and one for all the rest.
pub fn bucket_2x(len: i32) -> usize {
    bucket(len).min(LAST_BUCKET_2X)
}

/// `len` rounded up to a multiple of 4; saturates at the last one.
pub const fn align4(len: i32) -> i32 {
    if len > i32::MAX - 3 { i32::MAX & !3 } else { (len + 3) & !3 }
}

/// The size that 3.x gives to a record that needs `len` bytes: a power of two up to 4 MiB, then
/// steps of 2 MiB, then [`RECORD_LEN_MAX`].
pub fn quantize(len: i32) -> i32 {
    let at = BUCKET_SIZES.partition_point(|&bound| bound < len).min(LAST_QUANTUM);
    BUCKET_SIZES[at]
}

/// The size that `usePowerOf2Sizes` of 2.4 and 2.6 gives. Not idempotent: 64 becomes 128.
fn power_of_2_v2_4(len: i32) -> i32 {
    if len >= 4 * MIB { 1 + (len | (MIB - 1)) } else { BUCKET_SIZES[bucket(len)] }
}

/// `len` rounded up to a sixteenth of its bucket (256 KiB from 4 MiB on), as 2.4 and 2.6 do when
/// they split a deleted record.
pub fn sixteenth(len: i32) -> i32 {
    let unit = if len >= 4 * MIB { MIB / 4 } else { BUCKET_SIZES[bucket(len)] / 16 };
    match len % unit {
        0 => len,
        over => len.saturating_add(unit - over),
    }
}

/// How long records are made, and where room for them is looked for.
///
/// The files are valid MMAPv1 under every policy; it is chosen per collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SizingPolicy {
    /// 3.x: powers of two up to 4 MiB, then coarser; the head of a list always fits.
    #[default]
    PowerOf2,
    /// 3.x `noPadding`: as long as the data, rounded up to 4.
    Exact,
    /// 2.x: the data times a factor between 1 and 2 that rises when documents move and falls
    /// when they fit; best fit among the deleted records.
    PaddingFactor {
        /// 2.4: records are also rounded up to a sixteenth of their bucket. 2.2 did not.
        quantized: bool,
    },
    /// 2.4 and 2.6 `usePowerOf2Sizes`: the *next* power of two, whole MiB from 4 MiB on.
    PowerOf2V2_4,
}

impl SizingPolicy {
    /// Length of the record, header included, for `needed` bytes of header and data. Whether the
    /// namespace is capped, where all records are exact, is the caller's to know.
    pub fn record_len(self, needed: i32, padding_factor: f64) -> i32 {
        let len = match self {
            SizingPolicy::PowerOf2 => quantize(needed),
            SizingPolicy::Exact => needed,
            // At most twice a record's length: far from the range of i32.
            SizingPolicy::PaddingFactor { .. } => (f64::from(needed) * padding_factor) as i32,
            SizingPolicy::PowerOf2V2_4 => power_of_2_v2_4(needed),
        };
        align4(len).clamp(needed, RECORD_LEN_MAX.max(needed))
    }

    /// Does every update have its say in the size of the records to come?
    pub fn is_adaptive(self) -> bool {
        matches!(self, SizingPolicy::PaddingFactor { .. })
    }

    /// Is it one of 2.x, with its best-fit search and its deletion before insertion in a move?
    pub fn is_2x(self) -> bool {
        matches!(self, SizingPolicy::PaddingFactor { .. } | SizingPolicy::PowerOf2V2_4)
    }

    /// The `userFlags` of a new collection under this policy, as the version it is taken from
    /// writes them.
    pub fn user_flags(self) -> i32 {
        match self {
            SizingPolicy::PowerOf2 | SizingPolicy::PowerOf2V2_4 => FLAG_POWER_OF_2,
            SizingPolicy::Exact => FLAG_NO_PADDING,
            SizingPolicy::PaddingFactor { .. } => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::rounds;

    #[test]
    fn buckets_are_half_open() {
        for (i, &bound) in BUCKET_SIZES.iter().enumerate().take(BUCKETS - 1) {
            assert_eq!(bucket(bound - 1), i, "just below {bound}");
            assert_eq!(bucket(bound), i + 1, "at {bound}");
        }
        assert_eq!((bucket(0), bucket(-7), bucket(i32::MAX)), (0, 0, 25));
        assert_eq!((bucket_2x(4 * MIB - 1), bucket_2x(4 * MIB), bucket_2x(i32::MAX)), (17, 18, 18));
    }

    #[test]
    fn quantizes_as_the_table_says() {
        let table = [
            (1, 32),
            (32, 32),
            (33, 64),
            (1000, 1024),
            (10_001, 16_384),
            (100_000, 131_072),
            (1_000_001, 1_048_576),
            (10_000_000, 10_485_760),
            ((14 << 20) + 1, 17_301_504),
            (8192, 8192),
            (8208, 16_384),
            (17_301_504, 17_301_504),
        ];
        for (len, quantized) in table {
            assert_eq!(quantize(len), quantized, "{len}");
            assert_eq!(quantize(quantized), quantized, "a size is its own quantum");
        }
    }

    #[test]
    fn sixteenths_as_the_table_says() {
        let table = [
            (33, 36),
            (1000, 1024),
            (10_001, 10_240),
            (100_000, 106_496),
            (1_000_001, 1_048_576),
            (10_000_000, 10_223_616),
            (64, 64),
        ];
        for (len, quantized) in table {
            assert_eq!(sixteenth(len), quantized, "{len}");
        }
    }

    #[test]
    fn power_of_2_of_2_4_goes_one_too_far() {
        let table = [
            (31, 32),
            (32, 64),
            (63, 64),
            (64, 128),
            (4 * MIB - 4, 4 * MIB),
            (4 * MIB, 5 * MIB),
            (5 * MIB - 1, 5 * MIB),
            (5 * MIB, 6 * MIB),
        ];
        for (len, made) in table {
            assert_eq!(SizingPolicy::PowerOf2V2_4.record_len(len, 1.0), made, "{len}");
        }
    }

    #[test]
    fn factor_truncates_then_aligns() {
        let policy = SizingPolicy::PaddingFactor { quantized: false };
        assert_eq!(policy.record_len(100, 1.0), 100);
        assert_eq!(policy.record_len(101, 1.0), 104);
        assert_eq!(policy.record_len(1000, 1.004), 1004);
        assert_eq!(policy.record_len(999, 1.003), 1004, "1001.997 truncates to 1001");
        assert_eq!(policy.record_len(12 * MIB, 2.0), RECORD_LEN_MAX);
    }

    #[test]
    fn every_policy_answers_enough() {
        let policies = [
            SizingPolicy::PowerOf2,
            SizingPolicy::Exact,
            SizingPolicy::PaddingFactor { quantized: false },
            SizingPolicy::PaddingFactor { quantized: true },
            SizingPolicy::PowerOf2V2_4,
        ];
        let lens = (20..rounds(70_000) as i32)
            .chain((RECORD_LEN_MAX - rounds(5000) as i32)..=RECORD_LEN_MAX);
        for needed in lens {
            for policy in policies {
                for factor in [1.0, 1.5, 2.0] {
                    let len = policy.record_len(needed, factor);
                    let fine = len >= needed && len % 4 == 0 && len <= RECORD_LEN_MAX;
                    assert!(fine, "{policy:?} {needed} × {factor}: {len}");
                }
            }
            let bound = if needed < 4 * MIB { needed + needed / 8 } else { needed + MIB / 4 };
            assert!((needed..=bound).contains(&sixteenth(needed)), "{needed}");
        }
    }
}
