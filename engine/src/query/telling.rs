//! Why a document does not match, while it is written down.
//!
//! L1. It ends once it is too long, however many conditions there are and whatever the document
//!     holds: a condition adds no more than a value or a list of names.

use std::ops::{Deref, DerefMut};

use crate::bson::builder::Builder;
use crate::bson::element::Value;
use crate::error::{Error, Result};

/// Bytes after which it is too long.
const LEN_MAX: usize = 4 << 20;

/// What is written.
#[derive(Debug)]
pub struct Telling {
    out: Builder,
    /// Are conditions and values left out?
    is_brief: bool,
}

impl Telling {
    /// Nothing yet.
    pub fn new(is_brief: bool) -> Telling {
        Telling { out: Builder::new(), is_brief }
    }

    /// Is it too long?
    pub fn is_too_long(&self) -> bool {
        self.out.len() > LEN_MAX
    }

    /// Ends what is too long.
    ///
    /// # Errors
    /// One that nobody is told of.
    pub fn check(&self) -> Result<()> {
        match self.is_too_long() {
            true => Err(Error::invalid_bson(self.out.len(), "it is too long to be told")),
            false => Ok(()),
        }
    }

    /// Are conditions and values left out?
    pub fn is_brief(&self) -> bool {
        self.is_brief
    }

    /// A condition, as it was specified.
    pub fn specified_as(&mut self, condition: &[u8]) {
        if !self.is_brief {
            self.out.document("specifiedAs", condition);
        }
    }

    /// A value that was looked at.
    pub fn considered(&mut self, value: Value<'_>) {
        if !self.is_brief {
            self.out.value("consideredValue", value);
        }
    }

    /// All of it, as a document.
    pub fn finish(self) -> Vec<u8> {
        self.out.finish()
    }
}

impl Deref for Telling {
    type Target = Builder;

    fn deref(&self) -> &Builder {
        &self.out
    }
}

impl DerefMut for Telling {
    fn deref_mut(&mut self) -> &mut Builder {
        &mut self.out
    }
}
