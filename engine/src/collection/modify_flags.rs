//! The flags of MMAPv1 that say how long new records are: powers of two, or no longer than their
//! documents. The catalogue's document says them, too, once they were set.

use bson::{RawDocumentBuf, cstr};

use super::handle::Collection;
use super::locked::OpenCollection;
use crate::error::Result;
use crate::format::namespace::details::{FLAG_NO_PADDING, FLAG_POWER_OF_2};

impl Collection {
    /// Sets or clears the flags, each where something is said of it. Records that are there stay as
    /// long as they are. Answers what the flags were, and are.
    ///
    /// # Errors
    /// [`crate::Error::NotFound`]; the journal's.
    pub fn set_flags(
        &self,
        power_of_2: Option<bool>,
        no_padding: Option<bool>,
    ) -> Result<(i32, i32)> {
        let mut held = self.database.hold(&self.core)?;
        let details = held.collection.open()?.map(OpenCollection::details);
        let details = details.ok_or_else(|| self.core.missing())?;
        let before = held.read(|view, _| details.user_flags(view))?;
        let mut after = before;
        for (flag, asked) in [(FLAG_POWER_OF_2, power_of_2), (FLAG_NO_PADDING, no_padding)] {
            match asked {
                Some(true) => after |= flag,
                Some(false) => after &= !flag,
                None => {}
            }
        }
        let mut options = RawDocumentBuf::new();
        let old = held.options_of_collection()?;
        for (name, value) in old.iter().flat_map(|options| options.iter().flatten()) {
            if name.as_str() != "flags" {
                options.append(name, value);
            }
        }
        options.append(cstr!("flags"), after);
        let ns = self.core.ns.as_str();
        held.unit(|open, _, unit| {
            details.put_user_flags(unit, after)?;
            open.catalog.replace_entry(unit, ns, Some(&options))
        })?;
        held.reopen()?;
        Ok((before, after))
    }
}
