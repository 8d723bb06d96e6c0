//! Files: the one seam between the engine and an operating system.

#[cfg(test)]
pub(crate) mod heap_files;
pub(crate) mod view;

pub(crate) use view::{Edit, View};
