//! How much memory a stage may take.

use crate::error::{Error, Reason, Result};

/// That of one stage, bytes.
pub(super) const BYTES_MAX: usize = 100 << 20;

/// What a stage has taken.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    used: usize,
}

impl Memory {
    /// Takes more for a stage of this name, or gives some back.
    pub fn change(&mut self, stage: &str, by: i64) -> Result<()> {
        match usize::try_from(by) {
            Ok(more) => self.take(stage, more),
            Err(_) => {
                self.used = self.used.saturating_sub(by.unsigned_abs() as usize);
                Ok(())
            }
        }
    }

    /// Takes more for a stage of this name.
    pub fn take(&mut self, stage: &str, len: usize) -> Result<()> {
        self.used = self.used.saturating_add(len);
        if self.used <= BYTES_MAX {
            return Ok(());
        }
        let message = format!(
            "Exceeded memory limit for {stage}: {BYTES_MAX} bytes. Nothing is spilled to disk, \
             whatever allowDiskUse says; filter or limit the documents before."
        );
        Err(Error::refused(Reason::QueryExceededMemoryLimitNoDiskUseAllowed, message))
    }
}
