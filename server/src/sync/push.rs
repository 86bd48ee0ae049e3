//! `POST /api/sync/push`: a device's edits become rows, positions and outcomes, in one
//! transaction. A change, or the changes of a group, stand alone in it, in a savepoint.
//!
//! A change that was here before gets its first answer again. Answers to changes that wrote
//! nothing are not kept: they follow from the change and from what is there, and a later version
//! of the server may take what this one cannot.

use super::body;
use super::fanout::Fanout;
use crate::accounts::sessions::MaybeSigned;
use crate::clock::now_ms;
use crate::error::Error;
use crate::shared::Shared;
use crate::store::writing::{Kept, Step, StepError, Writing};
use crate::store::{ScopeKey, Store};
use crate::telemetry::metrics::{CHANGES, PUSHES};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use domain::RULES;
use metrics::counter;
use std::collections::BTreeMap;
use std::sync::Arc;
use sync::change::Change;
use sync::frame::{DeviceFrame, FrameError, Outcome, Push, PushResult, ServerFrame};
use sync::hub::accept::{Incoming, Verdict, accept, units, wanted_texts};
use sync::hub::drift::{Given, Shift};
use sync::id::Id;
use sync::limits::PUSH_BYTES_MAX;
use sync::row::Row;
use sync::stamp::Stamp;
use sync::table::TableSpec;
use tracing::Instrument as _;

/// Answers with one outcome a change. A change without one was not kept; it is sent again.
pub(crate) async fn push(
    State(shared): State<Arc<Shared>>,
    MaybeSigned(signed): MaybeSigned,
    request: Request,
) -> Result<Response, Error> {
    // The body first, whoever sent it: who answers while the other side still speaks is not heard.
    let frame = body::frame(request.into_body(), PUSH_BYTES_MAX).await;
    let user = signed.ok_or(Error::NoSession)?.user;
    let DeviceFrame::Push(push) = frame? else {
        return Err(FrameError::Unexpected { expected: "push" }.into());
    };
    let result = answer(&shared, user, push).await?;
    Ok(([(CONTENT_TYPE, "application/json")], result.encode()).into_response())
}

/// Takes the changes, and says what became of each.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    user: Id,
    push: Push,
) -> Result<ServerFrame, Error> {
    RULES.schema.speaks(push.schema_version)?;
    let shared = Arc::clone(shared);
    // On its own, so that a device that hangs up cannot come between the commit and the poke.
    let taking = async move { take(&shared.store, &shared.fanout, user, push).await };
    let outcomes = tokio::spawn(taking.in_current_span())
        .await
        .map_err(|_| Error::Internal("a push that panicked"))??;
    Ok(ServerFrame::PushResult(PushResult {
        outcomes,
        server_time_ms: now_ms(),
    }))
}

/// Takes a push into a person's journal, and wakes their streams.
///
/// # Errors
/// The database failed; nothing was written.
pub(crate) async fn take(
    store: &Store,
    fanout: &Fanout,
    user: Id,
    push: Push,
) -> Result<BTreeMap<Id, Outcome>, Error> {
    let now_ms = now_ms();
    let count = push.changes.len();
    let scope = ScopeKey::own(user);
    let mut outcomes = BTreeMap::new();
    let mut writing = store.write(scope.clone()).await?;
    let (changes, claimed) = raised(&mut writing, push, now_ms).await?;
    for unit in units(changes) {
        match take_unit(&mut writing, unit, &claimed, now_ms).await {
            Ok(taken) => {
                for (op_id, outcome) in taken {
                    outcomes.entry(op_id).or_insert(outcome);
                }
            }
            Err(StepError::Alone(error)) => error.log(),
            Err(StepError::All(error)) => return Err(error),
        }
    }
    writing.commit().await?;
    if outcomes
        .values()
        .any(|outcome| matches!(outcome, Outcome::Applied { .. }))
    {
        fanout.poke(&scope);
    }
    measure(count, &outcomes);
    tracing::debug!(changes = count, outcomes = outcomes.len(), "push");
    Ok(outcomes)
}

fn measure(changes: usize, outcomes: &BTreeMap<Id, Outcome>) {
    counter!(PUSHES).increment(1);
    for outcome in outcomes.values() {
        let outcome = match outcome {
            Outcome::Applied { .. } => "applied",
            Outcome::Gone { .. } => "gone",
            Outcome::NeedFull { .. } => "need_full",
            Outcome::Duplicate { .. } => "duplicate",
            Outcome::Rejected { .. } => "rejected",
        };
        counter!(CHANGES, "outcome" => outcome).increment(1);
    }
    let unanswered = changes.saturating_sub(outcomes.len());
    let unanswered = u64::try_from(unanswered).unwrap_or(u64::MAX);
    counter!(CHANGES, "outcome" => "unanswered").increment(unanswered);
}

/// The changes in this server's version of the tables and by this server's clock, and the stamps
/// that were claimed for those whose clock was wrong.
async fn raised(
    writing: &mut Writing,
    push: Push,
    now_ms: u64,
) -> Result<(Vec<Change>, BTreeMap<Id, Stamp>), Error> {
    let mut shift = Shift::between(push.device_time_ms, now_ms);
    let mut claimed = BTreeMap::new();
    let mut changes = push.changes;
    for change in &mut changes {
        RULES.schema.raise(push.schema_version, change);
        let mut given = Given::new();
        for op_id in shift.far_ahead(change) {
            if let Some(Outcome::Applied {
                stamp: Some(stamp), ..
            }) = writing.outcome(op_id).await?
            {
                given.insert(op_id, stamp);
            }
        }
        if let Some(stamp) = shift.take(change, &given) {
            claimed.insert(change.op_id, stamp);
        }
    }
    Ok((changes, claimed))
}

/// One change or one group, in a savepoint of its own: dropped half-way, it leaves nothing.
async fn take_unit(
    writing: &mut Writing,
    unit: Vec<Change>,
    claimed: &BTreeMap<Id, Stamp>,
    now_ms: u64,
) -> Result<Vec<(Id, Outcome)>, StepError> {
    let mut step = writing.step().await.map_err(StepError::All)?;
    let ids: Vec<_> = unit.iter().map(|change| change.op_id).collect();
    let mut known = BTreeMap::new();
    for op_id in &ids {
        if let Some(outcome) = step.outcome(*op_id).await.map_err(StepError::of)? {
            known.insert(*op_id, outcome);
        }
    }
    if ids.iter().all(|op_id| known.contains_key(op_id)) {
        step.leave().await.map_err(StepError::All)?;
        let repeated = |op_id: &Id| Some((*op_id, repeated(known.get(op_id)?)));
        return Ok(ids.iter().filter_map(repeated).collect());
    }
    let verdicts = decide(&mut step, unit, claimed).await;
    let verdicts = verdicts.map_err(StepError::of)?;
    keep(step, ids.into_iter().zip(verdicts), &known, now_ms)
        .await
        .map_err(StepError::of)
}

fn repeated(first: &Outcome) -> Outcome {
    Outcome::Duplicate {
        outcome: Box::new(first.clone()),
    }
}

async fn decide(
    step: &mut Step<'_>,
    unit: Vec<Change>,
    claimed: &BTreeMap<Id, Stamp>,
) -> Result<Vec<Verdict>, Error> {
    let mut incoming = Vec::new();
    for change in unit {
        incoming.push(load(step, change, claimed).await?);
    }
    if incoming.iter().all(|one| one.texts.is_empty()) {
        return Ok(accept(&RULES, incoming));
    }
    // Comparing long texts takes its time, which the other requests of this thread do not have.
    tokio::task::spawn_blocking(move || accept(&RULES, incoming))
        .await
        .map_err(|_| Error::Internal("joining texts panicked"))
}

/// The change with everything that deciding about it needs.
async fn load(
    step: &mut Step<'_>,
    change: Change,
    claimed: &BTreeMap<Id, Stamp>,
) -> Result<Incoming, Error> {
    let present = match RULES.schema.table(&change.table) {
        Some(table) => step.row(table, change.key).await?,
        None => None,
    };
    let mut texts = BTreeMap::new();
    for name in wanted_texts(&RULES, &change) {
        if let Some(text) = step.text(&name).await? {
            texts.insert(name, text);
        }
    }
    Ok(Incoming {
        claimed: claimed.get(&change.op_id).copied(),
        present,
        texts,
        change,
    })
}

/// Writes what was decided, and ends the step.
async fn keep(
    mut step: Step<'_>,
    decided: impl Iterator<Item = (Id, Verdict)>,
    known: &BTreeMap<Id, Outcome>,
    now_ms: u64,
) -> Result<Vec<(Id, Outcome)>, Error> {
    let mut outcomes = Vec::new();
    for (op_id, verdict) in decided {
        // Of a group that was here in part: what was written once has its position for good.
        let outcome = match (known.get(&op_id), verdict) {
            (Some(first), _) => repeated(first),
            (None, Verdict::Answer(outcome)) => outcome,
            (None, Verdict::Write(mut write)) => {
                let lsn = step.put(table_of(&write.row)?, &mut write.row).await?;
                let outcome = write.outcome(lsn);
                for (name, text) in &write.texts {
                    step.keep_text(name, text, now_ms).await?;
                }
                let kept = Kept {
                    op_id,
                    lsn,
                    outcome: &outcome,
                    claimed: write.claimed,
                };
                step.keep(kept, now_ms).await?;
                for revision in &mut write.revisions {
                    let table = table_of(revision)?;
                    step.put_own(table, revision, now_ms).await?;
                }
                outcome
            }
        };
        outcomes.push((op_id, outcome));
    }
    step.commit().await?;
    Ok(outcomes)
}

fn table_of(row: &Row) -> Result<&'static TableSpec, Error> {
    let table = RULES.schema.table(&row.table);
    table.ok_or(Error::Internal("a row of no table was accepted"))
}
