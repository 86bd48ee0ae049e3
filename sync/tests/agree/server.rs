//! A server in memory: the real hub over ordered maps, with faults to switch on.

use std::collections::BTreeMap;
use sync::device::retry::LinkFailure;
use sync::frame::{Hello, Outcome, Push, PushResult, ServerFrame};
use sync::hub::accept::{Verdict, accept, applied};
use sync::hub::session::{Read, Session};
use sync::id::Id;
use sync::limits::CHUNK_ROWS_MAX;
use sync::row::Row;
use sync::scope::{Marker, OWN, Scope};
use sync::table::{FieldSpec, Schema, TableSpec, text};
use sync::value::FieldKind;

static NOTES: TableSpec = TableSpec {
    name: "notes",
    fields: &[
        FieldSpec {
            name: "text",
            kind: FieldKind::Text {
                bytes_max: 64,
                blank: false,
            },
            nullable: false,
        },
        FieldSpec {
            name: "pinned",
            kind: FieldKind::Boolean,
            nullable: true,
        },
    ],
    indexes: &[],
    scopes: &["own"],
};

pub(crate) static SCHEMA: Schema = Schema { tables: &[&NOTES] };

/// The server's wall clock, which no device shares.
pub(crate) const SERVER_MS: u64 = 1_800_000_000_000;

#[derive(Default)]
pub(crate) struct Server {
    rows: BTreeMap<Id, Row>,
    lsn: u64,
    history: BTreeMap<u64, Id>,
    outcomes: BTreeMap<Id, Outcome>,
    /// How many changes were really written.
    pub(crate) applied: u32,
    /// Nothing gets through.
    pub(crate) away: bool,
    /// So many answers to pushes get lost after the push was taken.
    pub(crate) lose_answers: u32,
    /// Nobody has a session.
    pub(crate) signed_out: bool,
    /// Changes with this text are refused.
    pub(crate) refuse_text: Option<String>,
    /// Streams break after so many frames, once.
    pub(crate) cut_after_frames: Option<u32>,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn check(&self) -> Result<(), LinkFailure> {
        match (self.away, self.signed_out) {
            (true, _) => Err(LinkFailure::Unreachable),
            (_, true) => Err(LinkFailure::Unauthorized),
            _ => Ok(()),
        }
    }

    pub(crate) fn open(&self, hello: &Hello) -> Result<Session, LinkFailure> {
        self.check()?;
        let own = Scope::named(OWN);
        let op_id = self.history.get(&self.lsn).copied().unwrap_or_default();
        let ceilings = BTreeMap::from([(
            own.clone(),
            Marker {
                lsn: self.lsn,
                op_id,
            },
        )]);
        let history = self
            .history
            .iter()
            .map(|(lsn, id)| ((own.clone(), *lsn), *id))
            .collect();
        Ok(
            Session::open(&SCHEMA, hello, vec![own.clone()], ceilings, &history)
                .expect("one epoch"),
        )
    }

    /// What a session says next; nothing when it waits.
    pub(crate) fn next(&mut self, session: &mut Session) -> Result<Vec<ServerFrame>, LinkFailure> {
        self.check()?;
        if let Some(left) = &mut self.cut_after_frames {
            if *left == 0 {
                self.cut_after_frames = None;
                return Err(LinkFailure::Ended);
            }
            *left -= 1;
        }
        let Read::Rows { after, ceiling, .. } = session.read() else {
            return Ok(Vec::new());
        };
        let mut rows: Vec<_> = self.rows.values().cloned().collect();
        rows.retain(|row| row.lsn > after && ceiling.is_none_or(|ceiling| row.lsn <= ceiling));
        rows.sort_by_key(|row| row.lsn);
        let exhausted = rows.len() <= CHUNK_ROWS_MAX;
        rows.truncate(CHUNK_ROWS_MAX);
        Ok(session.found(rows, exhausted))
    }

    pub(crate) fn push(&mut self, push: &Push) -> Result<PushResult, LinkFailure> {
        self.check()?;
        let outcomes = push
            .changes
            .iter()
            .map(|c| (c.op_id, self.take(c)))
            .collect();
        if self.lose_answers > 0 {
            self.lose_answers -= 1;
            return Err(LinkFailure::Unreachable);
        }
        Ok(PushResult {
            outcomes,
            server_time_ms: SERVER_MS,
        })
    }

    fn take(&mut self, change: &sync::change::Change) -> Outcome {
        if let Some(outcome) = self.outcomes.get(&change.op_id) {
            return Outcome::Duplicate {
                outcome: Box::new(outcome.clone()),
            };
        }
        let said = change.fields.get("text").and_then(text);
        if said.is_some() && said == self.refuse_text.as_ref() {
            return Outcome::Rejected {
                code: "refused".into(),
                message: "Not these words.".into(),
            };
        }
        match accept(&SCHEMA, self.rows.get(&change.key).cloned(), change) {
            Verdict::Answer(outcome) => outcome,
            Verdict::Write {
                mut row,
                lost_fields,
            } => {
                self.lsn += 1;
                self.applied += 1;
                row.lsn = self.lsn;
                self.history.insert(self.lsn, change.op_id);
                self.rows.insert(change.key, row);
                let outcome = applied(self.lsn, lost_fields);
                self.outcomes.insert(change.op_id, outcome.clone());
                outcome
            }
        }
    }
}
