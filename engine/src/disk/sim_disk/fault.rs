//! How a simulated disk fails.

/// What happens at the change that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails with an input/output error.
    Io,
    /// The operation finds no space.
    NoSpace,
    /// This and all later operations fail.
    PowerCut,
}
