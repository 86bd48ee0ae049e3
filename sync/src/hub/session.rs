//! One session of the feed, as a server runs it: what to read next and what to say.
//!
//! One loop serves the catch-up and the live phase: read the feed after the markers; rows are
//! sent; none means that the device has everything, and the session waits for a poke. So there
//! is no gap between the two phases and no buffer between them that could overflow. The feed is
//! state-based: rows after a marker and up to a ceiling, by position, tombstones included.

use crate::frame::{Delta, Hello, ScopeChange, ServerError, ServerFrame};
use crate::id::Id;
use crate::limits::CHUNK_BYTES_MAX;
use crate::row::Row;
use crate::scope::{Lsn, Marker, Markers, Scope};
use crate::table::{Schema, TableSpec};
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

/// What the session wants to know next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Rows of one scope with `after < lsn ≤ ceiling`, by position, in one snapshot; at most
    /// [`crate::limits::CHUNK_ROWS_MAX`] of them over all the tables together.
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

/// One device's session.
#[derive(Debug)]
pub struct Session {
    scopes: Vec<Scope>,
    markers: Markers,
    ceilings: BTreeMap<Scope, Marker>,
    tables: Vec<&'static TableSpec>,
    /// What is left of the catch-up, next one first; empty once live.
    missed: Vec<(Scope, &'static TableSpec)>,
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
        for table in &hello.tables {
            let marker = hello.markers.get(scope, table);
            if marker != Marker::START && !claims.contains(&(scope.clone(), marker)) {
                claims.push((scope.clone(), marker));
            }
        }
    }
    claims
}

impl Session {
    /// Opens a session over `scopes`, the ones its person may read. `ceilings` are their last
    /// positions, and `history` tells which change has a claimed position, if that is known.
    ///
    /// # Errors
    /// Ends the session at once: the device stands on a change that this server never had.
    pub fn open(
        schema: &'static Schema,
        hello: &Hello,
        scopes: Vec<Scope>,
        ceilings: BTreeMap<Scope, Marker>,
        history: &BTreeMap<(Scope, Lsn), Id>,
    ) -> Result<Self, ServerError> {
        for (scope, marker) in claims(hello, &scopes) {
            let ceiling = ceilings.get(&scope).copied().unwrap_or_default();
            let known = history.get(&(scope.clone(), marker.lsn));
            if marker.lsn > ceiling.lsn || known.is_some_and(|op_id| *op_id != marker.op_id) {
                return Err(epoch_changed());
            }
        }
        let wanted = |table: &&&TableSpec| hello.tables.iter().any(|name| name == table.name);
        let tables: Vec<_> = schema.tables.iter().filter(wanted).copied().collect();
        let mut missed = Vec::new();
        for table in tables.iter().rev() {
            for scope in scopes.iter().filter(|scope| table.lives_in(scope.as_str())) {
                missed.push((scope.clone(), *table));
            }
        }
        Ok(Self {
            scopes,
            markers: hello.markers.clone(),
            ceilings,
            tables,
            missed,
            live: false,
            round: Vec::new(),
        })
    }

    /// The first thing to say.
    #[must_use]
    pub fn welcome(&self, server_time_ms: u64) -> ServerFrame {
        ServerFrame::Welcome {
            ceilings: self.ceilings.clone(),
            server_time_ms,
        }
    }

    /// Whether everything missed has been said.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.live
    }

    /// What to read next.
    #[must_use]
    pub fn read(&self) -> Read {
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

    /// What to say about the rows just read. `exhausted` tells that there are no more of them.
    pub fn found(&mut self, rows: Vec<Row>, exhausted: bool) -> Vec<ServerFrame> {
        if self.missed.is_empty() {
            self.found_live(rows, exhausted)
        } else {
            self.found_missed(rows, exhausted)
        }
    }

    fn found_missed(&mut self, rows: Vec<Row>, exhausted: bool) -> Vec<ServerFrame> {
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
            let to = if is_last_chunk {
                self.ceiling(&scope)
            } else {
                end_of(&rows, from)
            };
            self.markers.set(&scope, table.name, to);
            frames.push(ServerFrame::Delta(Delta {
                scope: scope.clone(),
                table: table.name.to_string(),
                rows,
                from,
                to,
                is_last_chunk,
            }));
        }
        if exhausted {
            self.missed.pop();
        }
        if self.missed.is_empty() {
            frames.push(ServerFrame::DeltaComplete {});
            self.live = true;
            self.poke();
        }
        frames
    }

    fn found_live(&mut self, rows: Vec<Row>, exhausted: bool) -> Vec<ServerFrame> {
        let Some(scope) = self.round.last().cloned() else {
            return Vec::new();
        };
        if exhausted {
            self.round.pop();
        }
        let mut frames = Vec::new();
        for rows in chunks(rows) {
            let from = self.position(&scope);
            let to = end_of(&rows, from);
            for table in self.tables_in(&scope) {
                self.markers.set(&scope, table.name, to);
            }
            frames.push(ServerFrame::Change(ScopeChange {
                scope: scope.clone(),
                from,
                to,
                rows,
            }));
        }
        frames
    }

    fn ceiling(&self, scope: &Scope) -> Marker {
        self.ceilings.get(scope).copied().unwrap_or_default()
    }

    fn position(&self, scope: &Scope) -> Marker {
        self.markers
            .lowest(scope, self.tables_in(scope).iter().map(|table| table.name))
    }

    fn tables_in(&self, scope: &Scope) -> Vec<&'static TableSpec> {
        self.tables
            .iter()
            .filter(|table| table.lives_in(scope.as_str()))
            .copied()
            .collect()
    }
}

fn end_of(rows: &[Row], otherwise: Marker) -> Marker {
    rows.last().map_or(otherwise, |row| Marker {
        lsn: row.lsn,
        op_id: row.op_id,
    })
}

/// Cuts rows into chunks of at most [`CHUNK_BYTES_MAX`]; a larger row is a chunk of its own.
fn chunks(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut chunks: Vec<Vec<Row>> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let row_bytes = weight(&row);
        match chunks.last_mut() {
            Some(chunk) if bytes + row_bytes <= CHUNK_BYTES_MAX => {
                chunk.push(row);
                bytes += row_bytes;
            }
            _ => {
                chunks.push(vec![row]);
                bytes = row_bytes;
            }
        }
    }
    chunks
}

fn weight(row: &Row) -> usize {
    let text = |value: &crate::value::Value| crate::table::text(value).map_or(8, String::len);
    let fields: usize = row
        .fields
        .iter()
        .map(|(name, value)| name.len() + text(value) + 6)
        .sum();
    fields + row.stamps.len() * 80 + 80
}

fn epoch_changed() -> ServerError {
    ServerError {
        code: "epoch_changed".to_string(),
        message: "This server's history is not the one this device knows. Nothing is lost: the \
                  device keeps its words and takes the server's state anew."
            .to_string(),
        retry_after_ms: None,
    }
}
