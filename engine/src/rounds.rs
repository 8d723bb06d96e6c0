//! How often tests repeat what they do at random: as often as they say, but under Miri, which
//! is some thousand times slower, far less often.

/// `n`; under Miri a five-hundredth of it, and at least two.
pub fn rounds(n: u32) -> u32 {
    if cfg!(miri) { (n / 500).max(2) } else { n }
}

/// Was something met more than `least` times on the way? In Miri's few rounds it need not be.
pub fn met_more_than<T: PartialOrd>(least: T, count: T) -> bool {
    cfg!(miri) || count > least
}
