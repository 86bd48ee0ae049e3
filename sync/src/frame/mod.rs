//! The wire: what a device and a server say to each other, as versioned JSON.
//!
//! Every frame travels as `{"v":1,"f":{"<kind>":{…}}}`. Decoding is strict on both sides: an
//! unknown kind, field or version is an error with a code, never a guess and never a panic.
//! The one lenient place: a received row may have columns that this device does not know; they
//! are kept as they came.
//!
//! - [`device`]: what a device says
//! - [`server`]: what a server says
//! - [`outcome`]: what became of a change

pub mod device;
pub mod outcome;
pub mod server;

pub use device::{Acknowledged, Bye, DeviceFrame, Digests, Hello, Push, Verify};
pub use outcome::{Outcome, PushResult};
pub use server::{
    Delta, FeedPhase, Head, Heartbeat, ScopeChange, ServerError, ServerFrame, Standing, Verified,
    Welcome,
};

use crate::limits::{MARKERS_MAX, PUSH_CHANGES_MAX, WIRE_VERSION};
use crate::table::Schema;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

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
    match serde_json::from_str::<Envelope<F>>(text) {
        Ok(envelope) if envelope.v == WIRE_VERSION => Ok(envelope.f),
        Ok(envelope) => Err(FrameError::Version(envelope.v)),
        // A frame of another version is named as such, whatever its form.
        Err(error) => match serde_json::from_str::<VersionOnly>(text) {
            Ok(VersionOnly { v }) if v != WIRE_VERSION => Err(FrameError::Version(v)),
            _ => Err(FrameError::Malformed(error.to_string())),
        },
    }
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
            Self::Verify(verify)
                if verify.digests.values().map(BTreeMap::len).sum::<usize>() > MARKERS_MAX =>
            {
                return Err(FrameError::TooManyMarkers);
            }
            Self::Push(_) | Self::Ack(_) | Self::Heartbeat {} | Self::Verify(_) | Self::Bye(_) => {}
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
    use crate::id::Id;
    use crate::scope::Markers;

    fn hello(tables: &[&str]) -> String {
        DeviceFrame::Hello(Hello {
            device_id: Id::from_u128(1),
            markers: Markers::default(),
            tables: tables.iter().map(ToString::to_string).collect(),
            schema_version: 1,
            device_time_ms: 5,
        })
        .encode()
    }

    #[test]
    fn a_frame_comes_back_as_it_was_sent() {
        let text = hello(&["notes"]);
        assert_eq!(
            text,
            r#"{"v":1,"f":{"hello":{"d":"---------------------0","m":{},"t":["notes"],"s":1,"n":5}}}"#
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
                r#"{"v":1,"f":{"push":{"d":"---------------------0","c":[],"s":1,"n":0,"x":1}}}"#,
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
                schema_version: 1,
                device_time_ms: 0,
            })
            .encode()
        };
        assert!(DeviceFrame::decode(&push(PUSH_CHANGES_MAX), &SCHEMA).is_ok());
        let over = DeviceFrame::decode(&push(PUSH_CHANGES_MAX + 1), &SCHEMA).unwrap_err();
        assert_eq!(over.code(), "too_many_changes");
    }
}
