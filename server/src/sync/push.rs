//! `POST /api/sync/push`: a device's edits become rows, positions and outcomes, in one
//! transaction.
//!
//! A change that was here before gets its first answer again. Refusals are the one thing not
//! kept: they follow from the change and the schema alone, and a later version of the server
//! may take what this one cannot.

use super::body;
use crate::accounts::sessions::MaybeSigned;
use crate::clock::now_ms;
use crate::error::Error;
use crate::shared::Shared;
use crate::store::ScopeKey;
use crate::store::writing::{Step, StepError, Writing};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use std::sync::Arc;
use sync::change::Change;
use sync::frame::{DeviceFrame, FrameError, Outcome, Push, PushResult, ServerFrame};
use sync::hub::accept::{Verdict, accept, applied};
use sync::id::Id;
use sync::limits::PUSH_BYTES_MAX;

/// Answers with one outcome a change. A change without one was not kept; it is sent again.
pub(crate) async fn push(
    State(shared): State<Arc<Shared>>,
    MaybeSigned(signed): MaybeSigned,
    request: Request,
) -> Result<Response, Error> {
    // The body first, whoever sent it: who answers while the other side still speaks is not heard.
    let frame = body::frame(request.into_body(), PUSH_BYTES_MAX).await;
    let user = signed.ok_or(Error::NoSession)?.user;
    let push = match frame? {
        DeviceFrame::Push(push) => push,
        DeviceFrame::Hello(_) => return Err(FrameError::Unexpected { expected: "push" }.into()),
    };
    // On its own, so that a device that hangs up cannot come between the commit and the poke.
    let outcomes = tokio::spawn(async move { take(&shared, user, push).await })
        .await
        .map_err(|_| Error::Internal("a push that panicked"))??;
    let result = PushResult {
        outcomes,
        server_time_ms: now_ms(),
    };
    let text = ServerFrame::PushResult(result).encode();
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

async fn take(shared: &Shared, user: Id, push: Push) -> Result<BTreeMap<Id, Outcome>, Error> {
    let scope = ScopeKey::own(user);
    let mut outcomes = BTreeMap::new();
    let mut writing = shared.store.write(scope.clone()).await?;
    for change in &push.changes {
        match take_one(&mut writing, change).await {
            Ok(outcome) => {
                outcomes.entry(change.op_id).or_insert(outcome);
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
        shared.fanout.poke(&scope);
    }
    tracing::debug!(
        changes = push.changes.len(),
        outcomes = outcomes.len(),
        "push"
    );
    Ok(outcomes)
}

/// One change in a savepoint of its own: dropped half-way, it leaves nothing.
async fn take_one(writing: &mut Writing, change: &Change) -> Result<Outcome, StepError> {
    let mut step = writing.step().await.map_err(StepError::All)?;
    if let Some(outcome) = step.outcome(change.op_id).await.map_err(StepError::of)? {
        step.leave().await.map_err(StepError::All)?;
        return Ok(Outcome::Duplicate {
            outcome: Box::new(outcome),
        });
    }
    decide(step, change).await.map_err(StepError::of)
}

async fn decide(mut step: Step<'_>, change: &Change) -> Result<Outcome, Error> {
    let table = domain::SCHEMA.table(&change.table);
    let present = match table {
        Some(table) => step.row(table, change.key).await?,
        None => None,
    };
    match (accept(&domain::SCHEMA, present, change), table) {
        (
            Verdict::Write {
                mut row,
                lost_fields,
            },
            Some(table),
        ) => {
            let lsn = step.put(table, &mut row).await?;
            let outcome = applied(lsn, lost_fields);
            step.keep(change.op_id, Some(lsn), &outcome, now_ms())
                .await?;
            Ok(outcome)
        }
        (Verdict::Answer(outcome @ Outcome::Rejected { .. }), _) => {
            step.leave().await?;
            Ok(outcome)
        }
        (Verdict::Answer(outcome), _) => {
            step.keep(change.op_id, None, &outcome, now_ms()).await?;
            Ok(outcome)
        }
        (Verdict::Write { .. }, None) => Err(Error::Internal("a row of no table was accepted")),
    }
}
