//! What a device says.

use crate::change::Change;
use crate::digest::Digest;
use crate::id::Id;
use crate::scope::{Marker, Markers, Scope};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// A frame of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DeviceFrame {
    /// Opens a session, or asks for one page of the feed.
    Hello(Hello),
    /// Brings edits.
    Push(Push),
    /// Says how far the device has stored a scope.
    Ack(Acknowledged),
    /// A sign of life, where the way to the server needs one.
    Heartbeat {},
    /// Asks whether both sides have the same.
    Verify(Verify),
    /// Says that the device leaves, and why.
    Bye(Bye),
}

/// Opens a session: who is there and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// The device.
    #[serde(rename = "d")]
    pub device_id: Id,
    /// Where it stands, per scope and table. A missing marker is the start.
    #[serde(rename = "m")]
    pub markers: Markers,
    /// The tables it knows; no others are sent.
    #[serde(rename = "t")]
    pub tables: Vec<String>,
    /// The version of the tables it knows.
    #[serde(rename = "s")]
    pub schema_version: u32,
    /// Its wall clock in milliseconds.
    #[serde(rename = "n")]
    pub device_time_ms: u64,
}

/// Edits, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// The device.
    #[serde(rename = "d")]
    pub device_id: Id,
    /// The edits, at most [`crate::limits::PUSH_CHANGES_MAX`]. Those of a group all of them.
    #[serde(rename = "c")]
    pub changes: Vec<Change>,
    /// The version of the tables they are written for.
    #[serde(rename = "s")]
    pub schema_version: u32,
    /// What the clock that stamped them reads now, in milliseconds.
    #[serde(rename = "n")]
    pub device_time_ms: u64,
}

/// How far a device has stored a scope; what the server's collection goes by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledged {
    /// The device.
    #[serde(rename = "d")]
    pub device_id: Id,
    /// Where it stands in each scope.
    #[serde(rename = "p")]
    pub positions: BTreeMap<Scope, Marker>,
}

/// Digests of a device's tables, by scope and table.
pub type Digests = BTreeMap<Scope, BTreeMap<String, Digest>>;

/// Asks whether both sides have the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// The device.
    #[serde(rename = "d")]
    pub device_id: Id,
    /// Where it stands.
    #[serde(rename = "m")]
    pub markers: Markers,
    /// The digests of what it has.
    #[serde(rename = "h")]
    pub digests: Digests,
}

/// Says that the device leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bye {
    /// The device.
    #[serde(rename = "d")]
    pub device_id: Id,
    /// Why, in a word or two.
    pub reason: String,
}

impl DeviceFrame {
    /// The kind of the frame, as the wire calls it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Push(_) => "push",
            Self::Ack(_) => "ack",
            Self::Heartbeat {} => "heartbeat",
            Self::Verify(_) => "verify",
            Self::Bye(_) => "bye",
        }
    }
}
