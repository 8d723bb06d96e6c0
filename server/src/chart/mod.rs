//! Hits over time, as a picture in the terminal or as JSON.
//!
//! [`Series`] is the figures of a [`Period`]: 24 hours, 60 minutes or the days of a month.
//! [`draw`] makes a picture of them. Neither knows where the figures come from.

mod draw;
mod series;

pub use draw::draw;
pub use series::{Period, Series};
