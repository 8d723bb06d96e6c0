//! Does a collection do what a map from `_id` to document would? Random operations against the
//! naive model of `support/`, under every sizing policy, with the memos and without; capped
//! collections against a queue; scans while documents go away. A million operations:
//! `cargo run --release -p tallymap-tests --bin model`.

mod capped;
mod scans;

use tallymap_tests::random_run::{POLICIES, Run};

/// Operations of one run. All runs together: more than 20,000.
const STEPS: usize = 2_100;

#[test]
fn every_policy_with_memos() {
    for (n, policy) in POLICIES.into_iter().enumerate() {
        Run::new(policy, true, 100 + n as u64).steps(STEPS);
    }
}

#[test]
fn every_policy_without_memos() {
    for (n, policy) in POLICIES.into_iter().enumerate() {
        Run::new(policy, false, 200 + n as u64).steps(STEPS);
    }
}
