//! `POST /api/sync/verify`: whether a device has the same as the server, told by digests.

use super::body;
use super::feed::Scopes;
use crate::accounts::sessions::MaybeSigned;
use crate::error::Error;
use crate::shared::Shared;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use sync::frame::{DeviceFrame, FrameError, ServerFrame, Verify};
use sync::hub::session::verified;
use sync::id::Id;
use sync::limits::HELLO_BYTES_MAX;

/// Answers how each table asked about compares.
pub(crate) async fn verify(
    State(shared): State<Arc<Shared>>,
    MaybeSigned(signed): MaybeSigned,
    request: Request,
) -> Result<Response, Error> {
    let frame = body::frame(request.into_body(), HELLO_BYTES_MAX).await;
    let user = signed.ok_or(Error::NoSession)?.user;
    let DeviceFrame::Verify(asked) = frame? else {
        return Err(FrameError::Unexpected { expected: "verify" }.into());
    };
    let result = compare(&shared, user, &asked).await?;
    Ok(([(CONTENT_TYPE, "application/json")], result.encode()).into_response())
}

/// Compares what a device has with what this server has for its person.
pub(super) async fn compare(
    shared: &Shared,
    user: Id,
    asked: &Verify,
) -> Result<ServerFrame, Error> {
    check_tables(asked)?;
    let scopes = Scopes::of(Some(user));
    let (positions, digests) = shared.store.digests(scopes.named(), &asked.digests).await?;
    Ok(ServerFrame::VerifyResult(verified(
        asked, &positions, &digests,
    )))
}

/// A table that is not there would otherwise seem to differ.
fn check_tables(asked: &Verify) -> Result<(), FrameError> {
    let mut names = asked.digests.values().flat_map(|tables| tables.keys());
    match names.find(|name| domain::SCHEMA.table(name).is_none()) {
        Some(unknown) => Err(FrameError::UnknownTable(unknown.clone())),
        None => Ok(()),
    }
}
