//! Where a session stands in each table of each scope: the markers of its device, moved on by
//! what is said. A server has a session for every device that listens, so this is kept small,
//! and nothing is kept of what the session does not serve.

use crate::scope::{Marker, Markers, Scope};
use crate::table::TableSpec;
use alloc::boxed::Box;

/// One place for each table that lives in a scope.
#[derive(Debug)]
pub(super) struct Places(Box<[Place]>);

#[derive(Debug)]
struct Place {
    scope: Scope,
    table: &'static str,
    marker: Marker,
}

impl Places {
    /// Those of a device in these tables of these scopes.
    pub(super) fn of(markers: &Markers, scopes: &[Scope], tables: &[&'static TableSpec]) -> Self {
        let all = scopes
            .iter()
            .flat_map(|scope| tables.iter().map(move |table| (scope, table)));
        let here = all.filter(|(scope, table)| table.lives_in(scope.as_str()));
        let places = here.map(|(scope, table)| Place {
            scope: scope.clone(),
            table: table.name,
            marker: markers.get(scope, table.name),
        });
        Self(places.collect())
    }

    pub(super) fn get(&self, scope: &Scope, table: &str) -> Marker {
        let mut places = self.0.iter();
        let place = places.find(|place| place.scope == *scope && place.table == table);
        place.map_or(Marker::START, |place| place.marker)
    }

    pub(super) fn set(&mut self, scope: &Scope, table: &str, marker: Marker) {
        let mut places = self.0.iter_mut();
        if let Some(place) = places.find(|place| place.scope == *scope && place.table == table) {
            place.marker = marker;
        }
    }

    /// Where the whole scope stands: its lowest marker.
    pub(super) fn lowest(&self, scope: &Scope) -> Marker {
        let here = self.0.iter().filter(|place| place.scope == *scope);
        let lowest = here
            .map(|place| place.marker)
            .min_by_key(|marker| marker.lsn);
        lowest.unwrap_or(Marker::START)
    }
}
