//! Progress bars on standard error: there only if it is a terminal, gone when done.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Least time between two pictures of a spinner.
const TICK: Duration = Duration::from_millis(120);

/// A bar for `total` hits.
pub fn hits(label: &'static str, total: u64) -> ProgressBar {
    bar(label, total, "{msg:>14} {bar:30} {human_pos} of {human_len} hits")
}

/// A bar for `total` documents.
pub fn documents(label: &'static str, total: u64) -> ProgressBar {
    bar(label, total, "{msg:>14} {bar:30} {human_pos} of {human_len} documents, {eta} left")
}

/// A bar for `total` bytes; a spinner if it is not known how many there are.
pub fn bytes(label: &'static str, total: Option<u64>) -> ProgressBar {
    match total {
        Some(total) => bar(label, total, "{msg:>14} {bar:30} {bytes} of {total_bytes}, {eta} left"),
        None => {
            let spinner = bar(label, 0, "{msg:>14} {spinner} {bytes} read");
            spinner.enable_steady_tick(TICK);
            spinner
        }
    }
}

fn bar(label: &'static str, total: u64, template: &str) -> ProgressBar {
    // Standard error's target hides itself where there is no terminal.
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| {
        debug_assert!(false, "template {template}");
        ProgressStyle::default_bar()
    });
    bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
    bar.set_message(label);
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_valid_and_count() {
        for bar in [
            hits("pre-allocated", 10),
            documents("x", 10),
            bytes("a.log", Some(10)),
            bytes("-", None),
        ] {
            bar.inc(7);
            assert_eq!(bar.position(), 7);
            bar.finish_and_clear();
        }
    }
}
