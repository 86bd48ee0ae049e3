//! The wire: what a device and a server say to each other, as versioned JSON.
//!
//! Every frame travels as `{"v":1,"f":{"<kind>":{…}}}`. Decoding is strict on both sides: an
//! unknown kind, field or version is an error with a code, never a guess and never a panic.

use crate::change::Change;
use crate::id::Id;
use crate::limits::{MARKERS_MAX, PUSH_CHANGES_MAX, WIRE_VERSION};
use crate::row::Row;
use crate::scope::{Lsn, Marker, Markers, Scope};
use crate::table::Schema;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What a device says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceFrame {
    /// Opens a session, or asks for one page of the feed.
    Hello(Hello),
    /// Brings edits.
    Push(Push),
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
    /// The edits, at most [`PUSH_CHANGES_MAX`].
    #[serde(rename = "c")]
    pub changes: Vec<Change>,
    /// Its wall clock in milliseconds.
    #[serde(rename = "n")]
    pub device_time_ms: u64,
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerFrame {
    /// Answers `hello`: how far each scope reaches at this moment.
    #[serde(rename_all = "snake_case")]
    Welcome {
        /// The last position of each scope that this session reads.
        ceilings: BTreeMap<Scope, Marker>,
        /// The server's wall clock in milliseconds.
        server_time_ms: u64,
    },
    /// Rows of one table that the device missed while it was away.
    Delta(Delta),
    /// Everything missed has been sent; from here on, changes come as they happen.
    DeltaComplete {},
    /// Rows of one scope that have just changed.
    Change(ScopeChange),
    /// What became of a push.
    PushResult(PushResult),
    /// A sign of life.
    Heartbeat {
        /// The server's wall clock in milliseconds.
        server_time_ms: u64,
    },
    /// Something is wrong, and the session ends here.
    Error(ServerError),
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
    /// Rows of any table, in the order of their positions.
    pub rows: Vec<Row>,
}

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
        /// Fields whose present value is later than the change.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lost_fields: Vec<String>,
    },
    /// The row is deleted or was never here; nothing was changed. A device answers by sending
    /// the row whole, so that its words are kept.
    Gone {
        /// What happened, in words.
        message: String,
    },
    /// It was here before; this is what became of it then.
    Duplicate {
        /// The first outcome.
        outcome: alloc::boxed::Box<Self>,
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

/// A frame that is not understood. Nothing in it was acted on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Not JSON, or not of the form of a frame.
    #[error("this is not a frame of the sync protocol: {0}")]
    Malformed(String),
    /// Another version of the wire.
    #[error(
        "this is version {0} of the protocol and {WIRE_VERSION} is spoken here; update the app"
    )]
    Version(u16),
    /// A table that is not in the schema.
    #[error("there is no table called {0}")]
    UnknownTable(String),
    /// More changes than one push may carry.
    #[error("a push carries at most {PUSH_CHANGES_MAX} changes and this one has {0}; send fewer")]
    TooManyChanges(usize),
    /// More tables or markers than there can be.
    #[error("a hello names at most {MARKERS_MAX} tables")]
    TooManyMarkers,
    /// A frame that has no place here.
    #[error("this endpoint takes a {expected} frame")]
    Unexpected {
        /// What it takes.
        expected: &'static str,
    },
}

impl FrameError {
    /// The word that programs go by.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Malformed(_) => "bad_frame",
            Self::Version(_) => "version_unsupported",
            Self::UnknownTable(_) => "unknown_table",
            Self::TooManyChanges(_) => "too_many_changes",
            Self::TooManyMarkers => "too_many_markers",
            Self::Unexpected { .. } => "unexpected_frame",
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<F> {
    v: u16,
    f: F,
}

/// Only the version, so that a frame of another one is named as such and not as malformed.
#[derive(Deserialize)]
struct VersionOnly {
    v: u16,
}

fn encode<F: Serialize>(frame: &F) -> String {
    // Frames hold only maps with text keys, numbers and text: there is nothing that can fail.
    serde_json::to_string(&Envelope {
        v: WIRE_VERSION,
        f: frame,
    })
    .unwrap_or_default()
}

fn decode<F: DeserializeOwned>(text: &str) -> Result<F, FrameError> {
    let malformed = |error: serde_json::Error| FrameError::Malformed(error.to_string());
    let version = serde_json::from_str::<VersionOnly>(text)
        .map_err(malformed)?
        .v;
    if version != WIRE_VERSION {
        return Err(FrameError::Version(version));
    }
    serde_json::from_str::<Envelope<F>>(text)
        .map(|envelope| envelope.f)
        .map_err(malformed)
}

impl DeviceFrame {
    /// The frame as it travels.
    #[must_use]
    pub fn encode(&self) -> String {
        encode(self)
    }

    /// Reads a frame from a device and holds it to the schema and the limits.
    ///
    /// # Errors
    /// Says what is wrong; a change that does not fit the schema is no error here, for it
    /// fails alone and is answered by its own outcome.
    pub fn decode(text: &str, schema: &Schema) -> Result<Self, FrameError> {
        let frame = decode(text)?;
        match &frame {
            Self::Hello(hello) => {
                if hello.tables.len() > MARKERS_MAX {
                    return Err(FrameError::TooManyMarkers);
                }
                if let Some(unknown) = hello.tables.iter().find(|t| schema.table(t).is_none()) {
                    return Err(FrameError::UnknownTable(unknown.clone()));
                }
            }
            Self::Push(push) if push.changes.len() > PUSH_CHANGES_MAX => {
                return Err(FrameError::TooManyChanges(push.changes.len()));
            }
            Self::Push(_) => {}
        }
        Ok(frame)
    }
}

impl ServerFrame {
    /// The frame as it travels.
    #[must_use]
    pub fn encode(&self) -> String {
        encode(self)
    }

    /// The kind of the frame, as the wire calls it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Welcome { .. } => "welcome",
            Self::Delta(_) => "delta",
            Self::DeltaComplete {} => "delta_complete",
            Self::Change(_) => "change",
            Self::PushResult(_) => "push_result",
            Self::Heartbeat { .. } => "heartbeat",
            Self::Error(_) => "error",
        }
    }

    /// Reads a frame from a server.
    ///
    /// # Errors
    /// Says what is wrong; the device ends the link and nothing is lost.
    pub fn decode(text: &str) -> Result<Self, FrameError> {
        decode(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::SCHEMA;

    fn hello(tables: &[&str]) -> String {
        DeviceFrame::Hello(Hello {
            device_id: Id::from_u128(1),
            markers: Markers::default(),
            tables: tables.iter().map(ToString::to_string).collect(),
            device_time_ms: 5,
        })
        .encode()
    }

    #[test]
    fn a_frame_comes_back_as_it_was_sent() {
        let text = hello(&["notes"]);
        assert_eq!(
            text,
            r#"{"v":1,"f":{"hello":{"d":"---------------------0","m":{},"t":["notes"],"n":5}}}"#
        );
        let frame = DeviceFrame::decode(&text, &SCHEMA);
        assert_eq!(frame.map(|f| f.encode()), Ok(text));
    }

    #[test]
    fn what_is_not_understood_is_an_error_with_a_code() {
        let cases = [
            ("", "bad_frame"),
            ("[]", "bad_frame"),
            (r#"{"v":1}"#, "bad_frame"),
            (r#"{"v":2,"f":{"new_kind":{}}}"#, "version_unsupported"),
            (r#"{"v":1,"f":{"new_kind":{}}}"#, "bad_frame"),
            (r#"{"v":1,"f":{"hello":{}},"more":1}"#, "bad_frame"),
            (
                r#"{"v":1,"f":{"push":{"d":"---------------------0","c":[],"n":0,"x":1}}}"#,
                "bad_frame",
            ),
        ];
        for (text, code) in cases {
            let error = DeviceFrame::decode(text, &SCHEMA).unwrap_err();
            assert_eq!(error.code(), code, "{text}");
        }
        let unknown = DeviceFrame::decode(&hello(&["nowhere"]), &SCHEMA).unwrap_err();
        assert_eq!(unknown.code(), "unknown_table");
    }

    #[test]
    fn a_push_is_taken_at_its_limit_and_refused_beyond() {
        let push = |count| {
            let change = crate::fixture::insert(1, 1, "text");
            DeviceFrame::Push(Push {
                device_id: Id::from_u128(1),
                changes: alloc::vec![change; count],
                device_time_ms: 0,
            })
            .encode()
        };
        assert!(DeviceFrame::decode(&push(PUSH_CHANGES_MAX), &SCHEMA).is_ok());
        let over = DeviceFrame::decode(&push(PUSH_CHANGES_MAX + 1), &SCHEMA).unwrap_err();
        assert_eq!(over.code(), "too_many_changes");
    }
}
