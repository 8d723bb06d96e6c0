//! How long data files and extents are made (format, §1.2, §3.2, §3.3). Numbers to numbers.
//!
//! S1. An extent length is a multiple of 4096, at least 4096, or [`FileSizes::extent_len_max`].

use crate::format::data_file_header as header;
use crate::limits::{DATA_FILE_LEN_MAX, EXTENT_LEN_MIN};

/// Lengths up to here count as that of a small record: more of them go to the first extent.
const SMALL_RECORD: i32 = 1000;
/// Extents shorter than this are followed by one four times as long.
const SMALL_EXTENT: i32 = 4_000_000;

/// Which table of file lengths a database follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FileSizes {
    /// 16 MiB doubling to 512 MiB.
    #[default]
    Small,
    /// 64 MiB doubling to 2 GiB.
    Large,
}

impl FileSizes {
    /// The table that `small_files` of the options stands for.
    pub fn new(small_files: bool) -> FileSizes {
        if small_files { FileSizes::Small } else { FileSizes::Large }
    }

    /// Longest data file of this table, bytes.
    pub fn file_len_max(self) -> i32 {
        match self {
            FileSizes::Small => DATA_FILE_LEN_MAX / 4,
            FileSizes::Large => DATA_FILE_LEN_MAX,
        }
    }

    /// Longest extent, bytes: a whole file of the longest kind.
    pub fn extent_len_max(self) -> i32 {
        self.file_len_max() - header::LEN as i32 - header::TAIL
    }

    /// `len` as an extent may have it: rounded up to whole pages, within the bounds.
    pub fn quantize_extent(self, len: i32) -> i32 {
        let page = i64::from(EXTENT_LEN_MIN);
        let pages = (i64::from(len) + page - 1) / page;
        // The longest is no multiple of a page: a file's tail is never used.
        (pages * page).clamp(page, i64::from(self.extent_len_max())) as i32
    }

    /// First extent of a namespace whose first record takes `record_len` bytes.
    pub fn initial_extent(self, record_len: i32) -> i32 {
        let records = if record_len < SMALL_RECORD { 64 } else { 16 };
        let len = i64::from(record_len) * records;
        if len >= i64::from(self.extent_len_max()) {
            return self.extent_len_max();
        }
        self.quantize_extent(len as i32)
    }

    /// Next extent of a namespace that needs `record_len` bytes, the last extent having
    /// `last_len` bytes (0 if there is none).
    pub fn following_extent(self, record_len: i32, last_len: i32) -> i32 {
        let growth = if last_len < SMALL_EXTENT { 4.0 } else { 1.35 };
        let grown = (f64::from(last_len) * growth) as i64;
        let len = grown.max(i64::from(self.initial_extent(record_len)));
        if len < i64::from(last_len) || len > i64::from(self.extent_len_max()) {
            return self.extent_len_max();
        }
        self.quantize_extent(len as i32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::rounds;

    #[test]
    fn first_extents_as_the_table_says() {
        let table = [
            (32, 4096),
            (64, 4096),
            (128, 8192),
            (256, 16_384),
            (512, 32_768),
            (999, 65_536),
            (1000, 16_384),
            (1024, 16_384),
            (8192, 131_072),
            (16_384, 262_144),
            (1 << 20, 16_777_216),
            (4 << 20, 67_108_864),
            (17_301_504, 276_824_064),
        ];
        for (record_len, extent_len) in table {
            assert_eq!(FileSizes::Large.initial_extent(record_len), extent_len, "{record_len}");
        }
    }

    fn growth(record_len: i32, first: i32) -> impl Iterator<Item = i32> {
        std::iter::successors(Some(first), move |&last| {
            Some(FileSizes::Large.following_extent(record_len, last))
        })
    }

    #[test]
    fn extents_grow_as_observed() {
        let collection = [
            8192,
            32_768,
            131_072,
            524_288,
            2_097_152,
            8_388_608,
            11_325_440,
            15_290_368,
            20_643_840,
            27_869_184,
            37_625_856,
            50_798_592,
            68_579_328,
            92_585_984,
            124_993_536,
            168_742_912,
            227_803_136,
            307_535_872,
            415_174_656,
            560_488_448,
            756_662_272,
            1_021_497_344,
            1_379_024_896,
            1_861_685_248,
            2_146_426_864,
            2_146_426_864,
        ];
        assert!(growth(64, 8192).take(collection.len()).eq(collection));
        let system = [4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 5_664_768, 7_651_328];
        assert!(growth(64, FileSizes::Large.following_extent(64, 0)).take(8).eq(system));
        let index = [131_072, 524_288, 2_097_152, 8_388_608, 11_325_440];
        assert!(growth(8192, FileSizes::Large.following_extent(8192, 0)).take(5).eq(index));
    }

    #[test]
    fn extent_lengths_stay_in_bounds() {
        for sizes in [FileSizes::Small, FileSizes::Large] {
            let max = sizes.extent_len_max();
            let near_max = (max - rounds(10_000) as i32)..=max;
            for len in (0..rounds(20_000) as i32).chain(near_max).chain([i32::MAX]) {
                let quantized = sizes.quantize_extent(len);
                let aligned = quantized % EXTENT_LEN_MIN == 0 || quantized == max;
                assert!(aligned && (EXTENT_LEN_MIN..=max).contains(&quantized), "{len}");
                assert!(quantized >= len.min(max), "{len}");
            }
        }
        assert_eq!(FileSizes::Large.extent_len_max(), 2_146_426_864);
        assert_eq!(FileSizes::Small.extent_len_max(), 536_600_560);
    }
}
