//! libFuzzer's entry to [`tallymap_tests::fuzz::frames`].

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tallymap_tests::fuzz::frames::run(input));
