//! Regular expressions, compiled: Perl's syntax, as MongoDB takes it; [`translate`] bridges what
//! the library says otherwise. Filters and expressions have theirs from here.

mod translate;

use fancy_regex::{Regex, RegexBuilder};

/// Most steps back that one match may take.
const BACKTRACKS_MAX: usize = 1_000_000;
/// Bytes that a compiled expression may take.
const COMPILED_LEN_MAX: usize = 4 << 20;

/// Compiles a pattern. Of the flags `imxs` count. Is it `told` what was matched, or only whether?
/// The error says what is wrong with the pattern.
pub(crate) fn compile(pattern: &str, flags: &str, told: bool) -> Result<Regex, String> {
    let has = |flag| flags.contains(flag);
    RegexBuilder::new(&translate::translate(pattern, has('m'), has('x'), told))
        .case_insensitive(has('i'))
        .multi_line(has('m'))
        .dot_matches_new_line(has('s'))
        .backtrack_limit(BACKTRACKS_MAX)
        .delegate_size_limit(COMPILED_LEN_MAX)
        .build()
        .map_err(|error| match translate::balance(pattern) {
            translate::Balance::Even => error.to_string(),
            translate::Balance::Unclosed => "missing )".to_owned(),
            translate::Balance::Unopened => "unmatched parentheses".to_owned(),
        })
}
