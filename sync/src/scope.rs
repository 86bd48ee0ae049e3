//! Positions: one log per scope, and where in it a device stands.

use crate::id::Id;
use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::fmt;
use serde::{Deserialize, Serialize};

/// A scope's integer position, given in commit order inside the writing transaction.
pub type Lsn = u64;

/// What a person may read as a whole, by the name a device uses. The server resolves `own` to
/// the account of the session, so no device can name another person's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Scope(String);

/// The journal of the person who is signed in.
pub const OWN: &str = "own";

/// What comes with the server and is the same for everybody. No device writes it.
pub const LIBRARY: &str = "library";

/// In a device's [`Markers`], beside the tables: the position that the server last gave to a
/// change of this device. When the server is put back from a backup, the feed may not have come
/// that far yet, or have passed there in another history; then only this tells.
pub const ACKNOWLEDGED: &str = "$acknowledged";

impl Scope {
    /// The scope of this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Its name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The change a device stands on in one scope. It names the change besides the number, so that
/// a server put back from a backup is noticed instead of trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marker {
    /// The position; 0 is before everything.
    pub lsn: Lsn,
    /// The change that was given this position; nil at position 0.
    pub op_id: Id,
}

impl Marker {
    /// Before everything.
    pub const START: Self = Self {
        lsn: 0,
        op_id: Id::NIL,
    };
}

/// A device's markers: one per table per scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Markers(BTreeMap<Scope, BTreeMap<String, Marker>>);

impl Markers {
    /// Where the device stands in this table of this scope.
    #[must_use]
    pub fn get(&self, scope: &Scope, table: &str) -> Marker {
        let marker = self.0.get(scope).and_then(|tables| tables.get(table));
        marker.copied().unwrap_or(Marker::START)
    }

    /// Moves one table's marker.
    pub fn set(&mut self, scope: &Scope, table: &str, marker: Marker) {
        let tables = self.0.entry(scope.clone()).or_default();
        tables.insert(table.to_owned(), marker);
    }

    /// Moves a marker forward; one that is there already and further stays.
    pub fn raise(&mut self, scope: &Scope, table: &str, marker: Marker) {
        if marker.lsn > self.get(scope, table).lsn {
            self.set(scope, table, marker);
        }
    }

    /// Where the whole scope stands: its lowest marker, over the tables given.
    #[must_use]
    pub fn lowest<'a>(&self, scope: &Scope, tables: impl Iterator<Item = &'a str>) -> Marker {
        let markers = tables.map(|table| self.get(scope, table));
        markers
            .min_by_key(|marker| marker.lsn)
            .unwrap_or(Marker::START)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raised_marker_never_goes_back_nor_changes_its_name() {
        let scope = Scope::named("journal");
        let at = |lsn, op| Marker {
            lsn,
            op_id: Id::from_u128(op),
        };
        let mut markers = Markers::default();
        for (marker, stands) in [
            (at(5, 1), at(5, 1)),
            (at(4, 2), at(5, 1)),
            (at(5, 3), at(5, 1)),
            (at(6, 4), at(6, 4)),
        ] {
            markers.raise(&scope, "notes", marker);
            assert_eq!(markers.get(&scope, "notes"), stands);
        }
    }
}
