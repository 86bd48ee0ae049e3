//! What the engine lets others watch: hooks with stable keys, and the bus on which plugins join
//! and leave. Watching changes nothing.

use crate::id::Id;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::Serialize;

/// Something worth watching. The keys and the payloads are a contract with plugins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Hook {
    /// An edit was kept with its change.
    OpCaptured {
        /// The table.
        table: String,
        /// The row.
        key: Id,
        /// The change.
        op_id: Id,
    },
    /// Changes go out.
    PushBefore {
        /// How many.
        count: usize,
    },
    /// What became of them is stored.
    PushAfter {
        /// So many the server has.
        success_count: usize,
        /// So many it does not.
        fail_count: usize,
    },
    /// Rows came.
    PullReceived {
        /// How many.
        change_count: usize,
    },
    /// Rows are stored.
    PullApplied {
        /// So many were new here.
        applied: usize,
        /// So many were here already.
        skipped: u32,
        /// So many met an edit made here.
        conflicts: usize,
    },
    /// Rows could not be stored.
    PullError {
        /// Why.
        message: String,
    },
    /// Two edits of one row were made apart.
    ConflictDetected {
        /// The table.
        table: String,
        /// The row.
        key: Id,
    },
    /// Something went wrong.
    Error {
        /// What, as a code.
        code: String,
        /// What, in words.
        message: String,
        /// Whether trying again is of no use.
        permanent: bool,
    },
    /// Another attempt will be made.
    Retry {
        /// How many failed in a row.
        attempt: u32,
        /// When it comes, in milliseconds from now.
        delay_ms: u64,
    },
    /// The outbox is getting long. Nothing is dropped.
    QueueFull {
        /// How many changes wait.
        pending_count: u64,
        /// From how many on this is reported.
        max_size: u64,
    },
    /// The connection stands differently.
    StatusChange {
        /// The status, as programs go by it.
        status: crate::device::status::Status,
    },
    /// So many attempts failed in a row that it will be a while. They go on.
    MaxRetriesExceeded {
        /// How many.
        attempts: u32,
    },
    /// A device with nothing begins to take everything.
    BootstrapStart {},
    /// Some of it is here.
    BootstrapProgress {
        /// How many rows so far.
        total_pulled: u64,
    },
    /// All of it is here.
    BootstrapComplete {
        /// How many rows.
        total_pulled: u64,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    },
    /// It broke off, and goes on where it was.
    BootstrapError {
        /// Why, as a code.
        code: String,
    },
    /// The state is taken anew.
    RescanStarting {
        /// Why, as a code.
        reason: String,
    },
    /// It is here anew.
    RescanCompleted {},
    /// Clearing out failed; it is tried again in its time.
    GcError {
        /// Why.
        message: String,
    },
}

impl Hook {
    /// The key by which plugins join.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::OpCaptured { .. } => "sync.op:action:captured",
            Self::PushBefore { .. } => "sync.push:action:before",
            Self::PushAfter { .. } => "sync.push:action:after",
            Self::PullReceived { .. } => "sync.pull:action:received",
            Self::PullApplied { .. } => "sync.pull:action:applied",
            Self::PullError { .. } => "sync.pull:action:error",
            Self::ConflictDetected { .. } => "sync.conflict:action:detected",
            Self::Error { .. } => "sync.error:action",
            Self::Retry { .. } => "sync.retry:action",
            Self::QueueFull { .. } => "sync.queue:action:full",
            Self::StatusChange { .. } => "sync.subscription:action:statusChange",
            Self::MaxRetriesExceeded { .. } => "sync.subscription:action:maxRetriesExceeded",
            Self::BootstrapStart {} => "sync.bootstrap:action:start",
            Self::BootstrapProgress { .. } => "sync.bootstrap:action:progress",
            Self::BootstrapComplete { .. } => "sync.bootstrap:action:complete",
            Self::BootstrapError { .. } => "sync.bootstrap:action:error",
            Self::RescanStarting { .. } => "sync.rescan:action:starting",
            Self::RescanCompleted {} => "sync.rescan:action:completed",
            Self::GcError { .. } => "sync.gc:action:error",
        }
    }
}

/// A joined listener's number, to leave by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined(u64);

type Listener<T> = Box<dyn FnMut(&T)>;

/// Whoever listens, by key. Also serves the events of the public face, whose keys are names.
pub struct Bus<T> {
    next: u64,
    listeners: Vec<(u64, String, Listener<T>)>,
}

impl<T> Bus<T> {
    /// Listens to this key from now on; `*` is every key.
    pub fn join(&mut self, key: &str, listener: impl FnMut(&T) + 'static) -> Joined {
        self.next += 1;
        self.listeners
            .push((self.next, key.into(), Box::new(listener)));
        Joined(self.next)
    }

    /// Listens no more. Tells whether it did.
    pub fn leave(&mut self, joined: Joined) -> bool {
        let before = self.listeners.len();
        self.listeners.retain(|(number, ..)| *number != joined.0);
        self.listeners.len() < before
    }

    /// Tells everybody who listens to this key.
    pub fn tell(&mut self, key: &str, news: &T) {
        for (_, wanted, listener) in &mut self.listeners {
            if wanted == key || wanted == "*" {
                listener(news);
            }
        }
    }
}

impl Bus<Hook> {
    /// Tells everybody who listens to this hook.
    pub fn raise(&mut self, hook: &Hook) {
        self.tell(hook.key(), hook);
    }
}

impl<T> Default for Bus<T> {
    fn default() -> Self {
        Self {
            next: 0,
            listeners: Vec::new(),
        }
    }
}

impl<T> fmt::Debug for Bus<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.listeners.iter().map(|(number, key, _)| (number, key));
        f.debug_map().entries(keys).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::rc::Rc;
    use core::cell::RefCell;

    #[test]
    fn plugins_hear_what_they_joined_until_they_leave() {
        let heard: Rc<RefCell<Vec<&str>>> = Rc::default();
        let mut bus = Bus::default();
        let listen = |name| {
            let heard = heard.clone();
            move |_: &Hook| heard.borrow_mut().push(name)
        };
        let one = bus.join("sync.rescan:action:completed", listen("one"));
        bus.join("*", listen("all"));
        bus.raise(&Hook::RescanCompleted {});
        bus.raise(&Hook::BootstrapStart {});
        assert_eq!(*heard.borrow(), ["one", "all", "all"]);
        assert!(bus.leave(one) && !bus.leave(one));
        bus.raise(&Hook::RescanCompleted {});
        assert_eq!(heard.borrow().len(), 4);
        assert_eq!(heard.borrow()[3], "all");
    }
}
