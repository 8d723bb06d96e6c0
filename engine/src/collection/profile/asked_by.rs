//! Whom a thread works for: what the profiler writes down of that.

use std::cell::RefCell;
use std::sync::Arc;

use bson::{Document, RawDocumentBuf, doc};

use super::held;

/// Somebody who asks for operations, as entries of `system.profile` name him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedBy {
    /// His address; empty if he has none.
    pub client: Arc<str>,
    /// What his program calls itself.
    pub app_name: Option<Arc<str>>,
}

thread_local! {
    static ASKED_BY: RefCell<Option<AskedBy>> = const { RefCell::new(None) };
}

/// Puts the one before back, whatever happens.
struct Restored(Option<AskedBy>);

impl Drop for Restored {
    fn drop(&mut self) {
        ASKED_BY.with(|place| place.replace(self.0.take()));
    }
}

impl AskedBy {
    /// Does work for him, on this thread.
    pub fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let _before = Restored(ASKED_BY.with(|place| place.replace(Some(self.clone()))));
        work()
    }

    /// Does the work of one request of his, on this thread: what is profiled repeats the
    /// request as he sent it, and tells the length of the reply.
    pub fn run_request<R>(
        &self,
        work: impl FnOnce() -> R,
        length: impl FnOnce(&R) -> usize,
        request: impl FnOnce() -> Option<RawDocumentBuf>,
    ) -> R {
        self.run(|| held::run(work, length, request))
    }
}

/// Names the one whom this thread works for, if somebody was named.
pub fn put(out: &mut Document) {
    ASKED_BY.with(|place| {
        let Some(asked_by) = &*place.borrow() else { return };
        if !asked_by.client.is_empty() {
            out.insert("client", &*asked_by.client);
        }
        if let Some(name) = &asked_by.app_name {
            out.insert("appName", &**name);
        }
        // Nobody has to say who he is.
        out.extend(doc! { "allUsers": [], "user": "" });
    });
}
