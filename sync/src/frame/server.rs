//! What a server says.

use super::outcome::PushResult;
use crate::row::Row;
use crate::scope::{Lsn, Marker, Scope};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A frame of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ServerFrame {
    /// Answers `hello`.
    Welcome(Welcome),
    /// The newest rows of a table, shown before the rest comes. They move no marker.
    Head(Head),
    /// Rows of one table that the device missed while it was away.
    Delta(Delta),
    /// Everything missed has been sent; from here on, changes come as they happen.
    DeltaComplete {},
    /// Rows of one scope that have just changed.
    Change(ScopeChange),
    /// What became of a push.
    PushResult(PushResult),
    /// A sign of life.
    Heartbeat(Heartbeat),
    /// Whether both sides have the same.
    VerifyResult(Verified),
    /// Something is wrong, and the session ends here.
    Error(ServerError),
}

/// Answers `hello`: what is to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Welcome {
    /// The last position of each scope that this session reads, at this moment.
    pub ceilings: BTreeMap<Scope, Marker>,
    /// What the device is to expect.
    pub phase: FeedPhase,
    /// Positions up to which tombstones have been cleared out; a marker below them is too old.
    pub purge_floors: BTreeMap<Scope, Lsn>,
    /// The server's wall clock in milliseconds.
    pub server_time_ms: u64,
}

/// Where a session begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedPhase {
    /// The device has nothing yet.
    Initial,
    /// It missed something.
    Catchup,
    /// It has everything.
    Live,
}

/// The newest rows of one table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The scope.
    pub scope: Scope,
    /// The table.
    pub table: String,
    /// At most [`crate::limits::HEAD_ROWS_MAX`].
    pub rows: Vec<Row>,
}

/// One chunk of one table's missed rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delta {
    /// The scope.
    pub scope: Scope,
    /// The table.
    pub table: String,
    /// Rows in the order of their positions, tombstones included.
    pub rows: Vec<Row>,
    /// Where the device must stand for this chunk to fit.
    pub from: Marker,
    /// Where the device stands once it has stored it.
    pub to: Marker,
    /// Whether this table is done; an empty table says so too.
    pub is_last_chunk: bool,
    /// This table could not be read. The chunk is not to be stored, and the session ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ServerError>,
}

/// Rows of one scope that have just changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScopeChange {
    /// The scope.
    pub scope: Scope,
    /// Where the device must stand for this to fit.
    pub from: Marker,
    /// Where the device stands once it has stored it.
    pub to: Marker,
    /// Rows of any table, in the order of their positions; none when positions were given to
    /// tables that this device does not know.
    pub rows: Vec<Row>,
}

/// A sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    /// The server's wall clock in milliseconds.
    pub server_time_ms: u64,
    /// Up to where each scope has been sent on this session; the device stands there when it
    /// reads this, or something is wrong. Empty before everything missed has been sent.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub positions: BTreeMap<Scope, Marker>,
}

/// Whether both sides have the same, by scope and table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verified {
    /// How each table compares.
    pub tables: BTreeMap<Scope, BTreeMap<String, Standing>>,
}

/// How a device's copy of a table compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is the same.
    Same,
    /// The device does not stand at the end of the scope, so there is nothing to compare.
    Behind,
    /// It is not the same; the device takes the table anew.
    Differs,
}

/// An answer that is no result. Every error of the sync endpoints has this form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerError {
    /// The word that programs go by.
    pub code: String,
    /// What happened, whether anything was lost, and what to do next.
    pub message: String,
    /// When it is worth trying again, in milliseconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ServerError {
    /// An error with these words.
    #[must_use]
    pub fn new(code: &str, message: &str) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            retry_after_ms: None,
        }
    }
}

impl ServerFrame {
    /// The kind of the frame, as the wire calls it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Welcome(_) => "welcome",
            Self::Head(_) => "head",
            Self::Delta(_) => "delta",
            Self::DeltaComplete {} => "delta_complete",
            Self::Change(_) => "change",
            Self::PushResult(_) => "push_result",
            Self::Heartbeat(_) => "heartbeat",
            Self::VerifyResult(_) => "verify_result",
            Self::Error(_) => "error",
        }
    }
}
