//! What became of a change.

use crate::id::Id;
use crate::row::Row;
use crate::scope::Lsn;
use crate::stamp::Stamp;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// What became of each pushed change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushResult {
    /// One outcome a change, by its name.
    pub outcomes: BTreeMap<Id, Outcome>,
    /// The server's wall clock in milliseconds.
    pub server_time_ms: u64,
}

/// What became of one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// It is on the server.
    Applied {
        /// The position it was given.
        lsn: Lsn,
        /// The stamp it has there, when that is not the one it came with: the clock that took
        /// it was wrong, and the device takes this one over.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stamp: Option<Stamp>,
        /// The row as it is now, when it is not simply what the change made of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        row: Option<Box<Row>>,
        /// Fields whose present value is later than the change. Its own is kept as a revision.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lost_fields: Vec<String>,
    },
    /// The row is deleted or was never here; nothing was changed. A device answers by sending
    /// the row whole, so that its words are kept.
    Gone {
        /// What happened, in words.
        message: String,
        /// The deletion, if the server remembers it: what is sent after seeing it puts the row back,
        /// however wrong the device's clock is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        row: Option<Box<Row>>,
    },
    /// The server does not have the text that a patch was made for, or another change of the
    /// group could not be taken; nothing was changed. A device sends it again with whole values.
    NeedFull {},
    /// It was here before; this is what became of it then.
    Duplicate {
        /// The first outcome.
        outcome: Box<Self>,
    },
    /// It will never be accepted as it is; nothing was changed.
    Rejected {
        /// The word that programs go by.
        code: String,
        /// What is wrong and what to do, in words.
        message: String,
    },
}

impl Outcome {
    /// What became of the change the first time.
    #[must_use]
    pub fn first(&self) -> &Self {
        match self {
            Self::Duplicate { outcome } => outcome.first(),
            outcome => outcome,
        }
    }

    /// Whether a repeat of the change must be given this same answer. The others follow from
    /// the change and what is there, and may turn out better another time.
    #[must_use]
    pub const fn is_kept(&self) -> bool {
        matches!(self, Self::Applied { .. })
    }
}
