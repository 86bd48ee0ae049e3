//! One session of the feed, as a server runs it: what to read next and what to say.
//!
//! One loop serves the catch-up and the live phase: read the feed after the markers; rows are
//! sent; none means that the device has everything, and the session waits for a poke. So there
//! is no gap between the two phases and no buffer between them that could overflow. The feed is
//! state-based: rows after a marker and up to a ceiling, by position, tombstones included.

mod chunk;
mod judge;
mod places;

use crate::frame::{
    Delta, FeedPhase, Head, Heartbeat, Hello, ScopeChange, ServerError, ServerFrame, Standing,
    Verified, Verify, Welcome,
};
use crate::id::Id;
use crate::limits::HEAD_ROWS_MAX;
use crate::planted;
use crate::row::Row;
use crate::scope::{ACKNOWLEDGED, Lsn, Marker, Scope};
use crate::table::{Schema, TableSpec};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use chunk::{chunks, end_of, hold_back_a_torn_group};
use judge::cursor_expired;
use places::Places;

/// What the session wants to know next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// The newest living rows of one table, by the field that holds their day; at most
    /// [`HEAD_ROWS_MAX`]. Answered by [`Session::found_head`].
    Head {
        /// The scope.
        scope: Scope,
        /// The table.
        table: &'static TableSpec,
        /// The field to go by, highest first.
        day: &'static str,
    },
    /// Rows of one scope with `after < lsn ≤ ceiling`, by position, in one snapshot; at most
    /// [`crate::limits::CHUNK_ROWS_MAX`] of them over all the tables together. Answered by
    /// [`Session::found`].
    Rows {
        /// The scope.
        scope: Scope,
        /// The tables.
        tables: Vec<&'static TableSpec>,
        /// Positions above this one.
        after: Lsn,
        /// Positions up to this one; none means up to the end.
        ceiling: Option<Lsn>,
    },
    /// Nothing until the next poke.
    Wait,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// In the order of their positions.
    pub rows: Vec<Row>,
    /// There are no more.
    pub exhausted: bool,
    /// Where the scope ends, in the snapshot the rows are from.
    pub end: Marker,
    /// Up to which position tombstones have been cleared out, in that snapshot.
    pub floor: Lsn,
}

/// Where scopes stand, from one snapshot, as [`Session::open`] wants to know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions {
    /// Where each scope ends.
    pub ceilings: BTreeMap<Scope, Marker>,
    /// Which change has each position asked about, if that is known.
    pub history: BTreeMap<(Scope, Lsn), Id>,
    /// Up to which position tombstones of each scope have been cleared out.
    pub floors: BTreeMap<Scope, Lsn>,
}

/// One device's session.
#[derive(Debug)]
pub struct Session {
    schema: &'static Schema,
    schema_version: u32,
    scopes: Vec<Scope>,
    markers: Places,
    positions: Positions,
    tables: Vec<&'static TableSpec>,
    /// Tables whose newest rows are shown first, next one last.
    heads: Vec<(Scope, &'static TableSpec)>,
    /// What is left of the catch-up, next one last; empty once live.
    missed: Vec<(Scope, &'static TableSpec)>,
    phase: FeedPhase,
    live: bool,
    /// In the live phase: which scopes are still to be read in this round.
    round: Vec<Scope>,
}

/// The positions a `hello` claims, for the server to look up in its history before
/// [`Session::open`].
#[must_use]
pub fn claims(hello: &Hello, scopes: &[Scope]) -> Vec<(Scope, Marker)> {
    let mut claims = Vec::new();
    for scope in scopes {
        let tables = hello.tables.iter().map(String::as_str);
        for table in tables.chain([ACKNOWLEDGED]) {
            let marker = hello.markers.get(scope, table);
            if marker != Marker::START && !claims.contains(&(scope.clone(), marker)) {
                claims.push((scope.clone(), marker));
            }
        }
    }
    claims
}

impl Session {
    /// Opens a session over `scopes`, the ones its person may read. `positions` says where they
    /// stand, and knows the changes at the positions that [`claims`] named.
    ///
    /// # Errors
    /// Ends the session at once: the device stands on a change that this server never had, or
    /// below what has been cleared out, or speaks a version that is not spoken here.
    pub fn open(
        schema: &'static Schema,
        hello: &Hello,
        scopes: Vec<Scope>,
        mut positions: Positions,
    ) -> Result<Self, ServerError> {
        schema
            .speaks(hello.schema_version)
            .map_err(|error| ServerError::new("update_required", &alloc::format!("{error}")))?;
        let wanted = |table: &&&TableSpec| hello.tables.iter().any(|name| name == table.name);
        let tables: Vec<_> = schema.tables.iter().filter(wanted).copied().collect();
        for scope in &scopes {
            for table in &tables {
                positions.judge(scope, hello.markers.get(scope, table.name))?;
            }
            let here = tables.iter().filter(|table| table.lives_in(scope.as_str()));
            let lowest = hello.markers.lowest(scope, here.map(|table| table.name));
            let witness = hello.markers.get(scope, ACKNOWLEDGED);
            positions.judge_witness(scope, witness, lowest)?;
        }
        // It has been asked.
        positions.history.clear();
        // A scope without a table that the device knows would have nothing to say for ever.
        let known = |scope: &Scope| tables.iter().any(|table| table.lives_in(scope.as_str()));
        let scopes: Vec<_> = scopes.into_iter().filter(known).collect();
        let mut session = Self {
            schema,
            schema_version: hello.schema_version,
            markers: Places::of(&hello.markers, &scopes, &tables),
            scopes,
            positions,
            tables,
            heads: Vec::new(),
            missed: Vec::new(),
            phase: FeedPhase::Live,
            live: false,
            round: Vec::new(),
        };
        session.plan();
        Ok(session)
    }

    /// What is to be read, and in which order: last first.
    fn plan(&mut self) {
        for table in self.tables.iter().rev() {
            for scope in self
                .scopes
                .iter()
                .filter(|scope| table.lives_in(scope.as_str()))
            {
                self.missed.push((scope.clone(), *table));
            }
        }
        let places = self.missed.iter();
        let starts = |(scope, table): &&(Scope, &TableSpec)| {
            self.markers.get(scope, table.name) == Marker::START && self.ceiling(scope).lsn > 0
        };
        let heads = places.clone().filter(starts);
        self.heads = heads
            .filter(|(_, table)| table.day().is_some())
            .cloned()
            .collect();
        let behind = |(scope, table): &(Scope, &TableSpec)| {
            self.markers.get(scope, table.name) != self.ceiling(scope)
        };
        let initial = |(scope, table): &(Scope, &TableSpec)| {
            self.markers.get(scope, table.name) == Marker::START
        };
        self.phase = match (places.clone().all(initial), places.clone().any(behind)) {
            (true, _) => FeedPhase::Initial,
            (false, true) => FeedPhase::Catchup,
            (false, false) => FeedPhase::Live,
        };
    }

    /// The first thing to say.
    #[must_use]
    pub fn welcome(&self, server_time_ms: u64) -> ServerFrame {
        ServerFrame::Welcome(Welcome {
            ceilings: self.positions.ceilings.clone(),
            phase: self.phase,
            purge_floors: self.positions.floors.clone(),
            server_time_ms,
        })
    }

    /// A sign of life, and up to where this session has been told everything.
    #[must_use]
    pub fn heartbeat(&self, server_time_ms: u64) -> ServerFrame {
        let position = |scope: &Scope| (scope.clone(), self.position(scope));
        let scopes = self.scopes.iter().filter(|_| self.live);
        ServerFrame::Heartbeat(Heartbeat {
            server_time_ms,
            positions: scopes.map(position).collect(),
        })
    }

    /// Whether everything missed has been said.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// What to read next.
    #[must_use]
    pub fn read(&self) -> Read {
        if let Some((scope, table)) = self.heads.last()
            && let Some(day) = table.day()
        {
            let scope = scope.clone();
            return Read::Head { scope, table, day };
        }
        if let Some((scope, table)) = self.missed.last() {
            return Read::Rows {
                scope: scope.clone(),
                tables: vec![table],
                after: self.markers.get(scope, table.name).lsn,
                ceiling: Some(self.ceiling(scope).lsn),
            };
        }
        self.round.last().map_or(Read::Wait, |scope| Read::Rows {
            scope: scope.clone(),
            tables: self.tables_in(scope),
            after: self.position(scope).lsn,
            ceiling: None,
        })
    }

    /// Something may have changed: look again. What a poke or a heartbeat does.
    pub fn poke(&mut self) {
        if self.live {
            self.round = self.scopes.iter().rev().cloned().collect();
        }
    }

    /// What to say about the newest rows just read.
    pub fn found_head(&mut self, mut rows: Vec<Row>) -> Vec<ServerFrame> {
        let Some((scope, table)) = self.heads.pop() else {
            return Vec::new();
        };
        rows.truncate(HEAD_ROWS_MAX);
        // Only so many bytes: the newest few will do, and the rest comes anyway.
        let Some(rows) = chunks(rows).into_iter().next() else {
            return Vec::new();
        };
        vec![ServerFrame::Head(Head {
            scope,
            table: table.name.to_string(),
            rows: self.lowered(rows),
        })]
    }

    /// What to say about the rows just read.
    pub fn found(&mut self, mut found: Found) -> Vec<ServerFrame> {
        if self.is_overtaken(found.floor) {
            self.missed.clear();
            self.round.clear();
            self.live = false;
            return alloc::vec![ServerFrame::Error(cursor_expired())];
        }
        if !found.exhausted {
            hold_back_a_torn_group(&mut found.rows);
        }
        if self.missed.is_empty() {
            self.found_live(found)
        } else {
            self.found_missed(found)
        }
    }

    /// Whether tombstones were cleared out that this session has not sent yet: what is left does
    /// not tell of those deletions. The session ends with it. What was gone before it began is
    /// none of these, or a new device would never come past its first chunk.
    fn is_overtaken(&self, floor: Lsn) -> bool {
        let (scope, standing) = match (self.missed.last(), self.round.last()) {
            (Some((scope, table)), _) => (scope, self.markers.get(scope, table.name)),
            (None, Some(scope)) => (scope, self.position(scope)),
            (None, None) => return false,
        };
        let risen = floor > self.positions.floor(scope);
        let is_below = standing != Marker::START && standing.lsn < floor;
        risen && is_below && !planted!(FloorIsNotNoticed)
    }

    /// What to say when the rows asked for could not be read. The session ends with it: going
    /// on would leave a gap.
    #[must_use]
    pub fn failed(&self, error: ServerError) -> ServerFrame {
        let Some((scope, table)) = self.missed.last().filter(|_| self.heads.is_empty()) else {
            return ServerFrame::Error(error);
        };
        let at = self.markers.get(scope, table.name);
        ServerFrame::Delta(Delta {
            scope: scope.clone(),
            table: table.name.to_string(),
            rows: Vec::new(),
            from: at,
            to: at,
            is_last_chunk: false,
            error: Some(error),
        })
    }

    fn lowered(&self, mut rows: Vec<Row>) -> Vec<Row> {
        for row in &mut rows {
            self.schema.lower(self.schema_version, row);
        }
        rows
    }

    fn found_missed(&mut self, found: Found) -> Vec<ServerFrame> {
        let Found {
            rows, exhausted, ..
        } = found;
        let Some((scope, table)) = self.missed.last().cloned() else {
            return Vec::new();
        };
        let mut chunks = chunks(rows);
        if chunks.is_empty() {
            chunks.push(Vec::new());
        }
        let last = chunks.len() - 1;
        let mut frames = Vec::new();
        for (place, rows) in chunks.into_iter().enumerate() {
            let is_last_chunk = exhausted && place == last;
            let from = self.markers.get(&scope, table.name);
            // The table is done: it stands where the whole scope does. A marker beyond the
            // ceiling cannot be; `open` has refused it.
            let to = if is_last_chunk || planted!(ChunkEndsAtTheCeiling) {
                self.ceiling(&scope)
            } else {
                self.positions.resumable(&scope, end_of(&rows, from))
            };
            self.markers.set(&scope, table.name, to);
            frames.push(ServerFrame::Delta(Delta {
                scope: scope.clone(),
                table: table.name.to_string(),
                rows: self.lowered(rows),
                from,
                to,
                is_last_chunk,
                error: None,
            }));
        }
        if exhausted {
            self.missed.pop();
        }
        if self.missed.is_empty() {
            frames.push(ServerFrame::DeltaComplete {});
            self.live = true;
            self.settle();
            self.poke();
        }
        frames
    }

    /// Lets go of what only a catch-up asks for: the session may last.
    fn settle(&mut self) {
        let floors = core::mem::take(&mut self.positions.floors);
        self.positions = Positions {
            floors: floors.into_iter().filter(|(_, floor)| *floor > 0).collect(),
            ..Positions::default()
        };
        (self.heads, self.missed) = (Vec::new(), Vec::new());
    }

    fn found_live(&mut self, found: Found) -> Vec<ServerFrame> {
        let Some(scope) = self.round.last().cloned() else {
            return Vec::new();
        };
        let mut ends = Vec::new();
        for rows in chunks(found.rows) {
            let to = end_of(&rows, self.position(&scope));
            ends.push((to, rows));
        }
        if found.exhausted {
            self.round.pop();
            // Positions were given to tables that this device does not know.
            let last = ends
                .last()
                .map_or_else(|| self.position(&scope), |(to, _)| *to);
            if found.end.lsn > last.lsn || planted!(NothingIsSaidAsWell) {
                ends.push((found.end, Vec::new()));
            }
        }
        let mut frames = Vec::new();
        for (to, rows) in ends {
            let from = self.position(&scope);
            for table in self.tables_in(&scope) {
                self.markers.set(&scope, table.name, to);
            }
            frames.push(ServerFrame::Change(ScopeChange {
                scope: scope.clone(),
                from,
                to,
                rows: self.lowered(rows),
            }));
        }
        frames
    }

    fn ceiling(&self, scope: &Scope) -> Marker {
        self.positions
            .ceilings
            .get(scope)
            .copied()
            .unwrap_or_default()
    }

    fn position(&self, scope: &Scope) -> Marker {
        self.markers.lowest(scope)
    }

    fn tables_in(&self, scope: &Scope) -> Vec<&'static TableSpec> {
        self.tables
            .iter()
            .filter(|table| table.lives_in(scope.as_str()))
            .copied()
            .collect()
    }
}

/// Compares a device's digests with the server's own, which are over the same tables.
#[must_use]
pub fn verified(verify: &Verify, positions: &Positions, ours: &crate::frame::Digests) -> Verified {
    let mut verified = Verified {
        tables: BTreeMap::new(),
    };
    for (scope, tables) in &verify.digests {
        let end = positions.ceilings.get(scope).copied().unwrap_or_default();
        let compare = |(table, digest): (&String, &crate::digest::Digest)| {
            let own = ours.get(scope).and_then(|tables| tables.get(table));
            let standing = if verify.markers.get(scope, table) != end {
                Standing::Behind
            } else if own.copied().unwrap_or_default() == *digest {
                Standing::Same
            } else {
                Standing::Differs
            };
            (table.clone(), standing)
        };
        verified
            .tables
            .insert(scope.clone(), tables.iter().map(compare).collect());
    }
    verified
}

#[cfg(test)]
mod tests;
