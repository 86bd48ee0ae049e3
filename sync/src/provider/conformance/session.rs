//! What may come before everything missed is there, and in which order.

use super::device::{Device, in_order};
use super::ensure;
use crate::frame::{Delta, FeedPhase, Head, ServerFrame, Welcome};
use crate::limits::{CHUNK_ROWS_MAX, HEAD_ROWS_MAX};
use crate::row::Row;
use crate::rules::Rules;
use crate::scope::{Marker, Scope};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// How many signs of life may come in a row before anything else does.
const HEARTBEATS_MAX: u32 = 100;

/// The first part of a session, as it is heard.
#[derive(Debug, Default)]
pub(super) struct CatchUp {
    welcome: Option<Welcome>,
    /// The newest rows of tables, shown first.
    pub(super) heads: Vec<Head>,
    /// How many rows each chunk had, by scope and table, in order.
    pub(super) chunks: Vec<(Scope, String, usize)>,
    /// All rows of the chunks, by scope.
    pub(super) rows: Vec<(Scope, Row)>,
    /// Tables that said that they are done.
    pub(super) done: BTreeSet<(Scope, String)>,
    complete: bool,
    heartbeats: u32,
}

impl CatchUp {
    pub(super) const fn is_complete(&self) -> bool {
        self.complete
    }

    /// Where each scope ended when the session began.
    pub(super) fn ceilings(&self) -> BTreeMap<Scope, Marker> {
        let welcome = self.welcome.as_ref();
        welcome.map(|w| w.ceilings.clone()).unwrap_or_default()
    }

    pub(super) fn phase(&self) -> Option<FeedPhase> {
        self.welcome.as_ref().map(|welcome| welcome.phase)
    }

    /// Takes the next frame. Says what is wrong with it.
    pub(super) fn take(
        &mut self,
        rules: Rules,
        device: &mut Device,
        frame: ServerFrame,
    ) -> Result<(), String> {
        self.heartbeats = match frame {
            ServerFrame::Heartbeat(_) => self.heartbeats + 1,
            _ => 0,
        };
        ensure!(
            self.heartbeats <= HEARTBEATS_MAX,
            "only heartbeats come, and nothing of what was missed"
        );
        match frame {
            ServerFrame::Heartbeat(heartbeat) => {
                let early = heartbeat.positions.is_empty();
                ensure!(
                    early,
                    "a heartbeat says where scopes stand that were not sent yet"
                );
            }
            ServerFrame::Welcome(welcome) if self.welcome.is_none() => {
                self.welcome = Some(welcome);
            }
            frame if self.welcome.is_none() => {
                return Err(format!("a {} came before the welcome", frame.kind()));
            }
            ServerFrame::Head(head) => self.head(head)?,
            ServerFrame::Delta(delta) => self.delta(rules, device, delta)?,
            ServerFrame::DeltaComplete {} => self.complete(rules)?,
            frame => return Err(format!("a {} came before everything missed", frame.kind())),
        }
        Ok(())
    }

    fn head(&mut self, head: Head) -> Result<(), String> {
        let Head { table, rows, .. } = &head;
        let count = rows.len();
        ensure!(
            count <= HEAD_ROWS_MAX,
            "the head of {table} has {count} rows"
        );
        ensure!(
            self.chunks.is_empty(),
            "the head of {table} came after a delta"
        );
        let living = rows.iter().all(|row| row.table == *table && !row.deleted);
        ensure!(
            living,
            "the head of {table} has rows that do not belong there"
        );
        self.heads.push(head);
        Ok(())
    }

    fn delta(&mut self, rules: Rules, device: &mut Device, delta: Delta) -> Result<(), String> {
        let Delta {
            scope,
            table,
            rows,
            from,
            to,
            is_last_chunk,
            error,
        } = delta;
        if let Some(error) = error {
            return Err(format!("{table} could not be read: {}", error.code));
        }
        let known = rules.schema.table(&table);
        let here = known.is_some_and(|table| table.lives_in(scope.as_str()));
        ensure!(here, "there is no {table} in {scope}");
        let stands = device.markers.get(&scope, &table);
        ensure!(
            from == stands,
            "a chunk of {table} begins at {} where the device stands at {}",
            from.lsn,
            stands.lsn
        );
        let count = rows.len();
        ensure!(
            count <= CHUNK_ROWS_MAX,
            "a chunk of {table} has {count} rows"
        );
        in_order(&rows, from, to)?;
        let before = self
            .rows
            .last()
            .filter(|(s, row)| *s == scope && row.table == table);
        let before = before.and_then(|(_, row)| row.group);
        let torn = before.is_some() && before == rows.first().and_then(|row| row.group);
        ensure!(!torn, "a group came in two chunks of {table}");
        let its_own = rows.iter().all(|row| row.table == table);
        ensure!(its_own, "a chunk of {table} has rows of another table");
        let end = match rows.last() {
            _ if is_last_chunk => self.ceilings().get(&scope).copied().unwrap_or_default(),
            Some(row) => row.marker(),
            None => return Err(format!("a chunk of {table} is empty and not the last")),
        };
        ensure!(
            to == end,
            "a chunk of {table} leads to {} and not to {}",
            to.lsn,
            end.lsn
        );
        device.markers.set(&scope, &table, to);
        device.keep(&scope, &rows);
        self.chunks.push((scope.clone(), table.clone(), count));
        self.rows
            .extend(rows.into_iter().map(|row| (scope.clone(), row)));
        if is_last_chunk {
            let again = !self.done.insert((scope, table.clone()));
            ensure!(!again, "{table} said twice that it is done");
        }
        Ok(())
    }

    fn complete(&mut self, rules: Rules) -> Result<(), String> {
        for scope in self.ceilings().into_keys() {
            for table in rules.schema.tables {
                if table.lives_in(scope.as_str()) {
                    let done = self.done.contains(&(scope.clone(), table.name.into()));
                    ensure!(
                        done,
                        "{} of {scope} did not say that it is done",
                        table.name
                    );
                }
            }
        }
        self.complete = true;
        Ok(())
    }
}
