//! A row as the server keeps it and sends it.

use crate::id::Id;
use crate::scope::{Lsn, Marker};
use crate::stamp::{Stamp, Stamps};
use crate::value::Fields;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// The key under which a row's [`Stamps`] hold the stamp of its deletion. No field may be
/// called so: field names are Rust identifiers.
pub const DELETED: &str = "$deleted";

/// One row with everything that sync needs of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// Its table.
    #[serde(rename = "t")]
    pub table: String,
    /// Its key.
    #[serde(rename = "k")]
    pub key: Id,
    /// Its last position in its scope.
    #[serde(rename = "l")]
    pub lsn: Lsn,
    /// The change that was given this position.
    #[serde(rename = "o")]
    pub op_id: Id,
    /// A tombstone: the row is gone, and this is what is left to say so.
    #[serde(rename = "d", default, skip_serializing_if = "core::ops::Not::not")]
    pub deleted: bool,
    /// Its values; none in a tombstone.
    #[serde(rename = "f", default, skip_serializing_if = "Fields::is_empty")]
    pub fields: Fields,
    /// Who wrote each value, and when.
    #[serde(rename = "s", default, skip_serializing_if = "Stamps::is_empty")]
    pub stamps: Stamps,
    /// The group of the change at this position: rows of one group arrive together.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Id>,
}

impl Row {
    /// A row that nothing was written to yet.
    #[must_use]
    pub fn empty(table: &str, key: Id) -> Self {
        Self {
            table: table.into(),
            key,
            lsn: 0,
            op_id: Id::NIL,
            deleted: false,
            fields: Fields::new(),
            stamps: Stamps::new(),
            group: None,
        }
    }

    /// Where a device stands that has this row and everything before it.
    #[must_use]
    pub const fn marker(&self) -> Marker {
        Marker {
            lsn: self.lsn,
            op_id: self.op_id,
        }
    }

    /// The latest stamp in the row.
    #[must_use]
    pub fn latest_stamp(&self) -> Stamp {
        self.stamps.values().copied().max().unwrap_or(Stamp::ZERO)
    }
}
