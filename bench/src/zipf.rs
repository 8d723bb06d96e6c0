//! Few are chosen often, most seldom.

/// Numbers from 0 on, the n-th in proportion to 1 / (n + 1)^s.
#[derive(Debug)]
pub struct Zipf {
    /// Of each number, the share of it and of all before it.
    shares: Vec<f64>,
}

impl Zipf {
    /// The numbers below `count`, which is not 0.
    pub fn new(count: u32, s: f64) -> Zipf {
        let mut sum = 0.0;
        let mut shares: Vec<f64> = (1..=count)
            .map(|n| {
                sum += f64::from(n).powf(-s);
                sum
            })
            .collect();
        shares.iter_mut().for_each(|share| *share /= sum);
        Zipf { shares }
    }

    /// The number at `share` of all, from 0 to 1.
    pub fn pick(&self, share: f64) -> u32 {
        let number = self.shares.partition_point(|up_to| *up_to < share);
        number.min(self.shares.len() - 1) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_the_law() {
        let zipf = Zipf::new(4, 1.0);
        let mut counts = [0; 4];
        for n in 0..25_000 {
            counts[zipf.pick((f64::from(n) + 0.5) / 25_000.0) as usize] += 1;
        }
        assert_eq!(counts, [12_000, 6_000, 4_000, 3_000]);
    }
}
