//! `POST /api/sync/cursor`: a device says how far it has stored its scopes, or that it leaves.

use super::body;
use super::feed::Scopes;
use crate::accounts::sessions::MaybeSigned;
use crate::clock::now_ms;
use crate::error::Error;
use crate::shared::Shared;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use std::sync::Arc;
use sync::frame::{Acknowledged, DeviceFrame, FrameError};
use sync::id::Id;
use sync::limits::HELLO_BYTES_MAX;

/// Answers with nothing: the note is kept.
pub(crate) async fn cursor(
    State(shared): State<Arc<Shared>>,
    MaybeSigned(signed): MaybeSigned,
    request: Request,
) -> Result<StatusCode, Error> {
    let frame = body::frame(request.into_body(), HELLO_BYTES_MAX).await;
    let user = signed.ok_or(Error::NoSession)?.user;
    match frame? {
        DeviceFrame::Ack(said) => note(&shared, user, &said).await?,
        // What it said last of where it stands holds on, for it may come back.
        DeviceFrame::Bye(_) => tracing::debug!("a device leaves"),
        _ => return Err(FrameError::Unexpected { expected: "ack" }.into()),
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Keeps how far a device has stored its scopes.
pub(super) async fn note(shared: &Shared, user: Id, said: &Acknowledged) -> Result<(), Error> {
    let scopes = Scopes::of(Some(user));
    let noted = shared
        .store
        .acknowledge(user, scopes.named(), said, now_ms());
    noted.await
}
