//! What a device is told whose session was ended for it: that it is to erase what it has, or
//! that the account is no more.
//!
//! It is told before sessions are looked at, for the session layer takes the cookie of a session
//! that is not there from its browser: an answer that got lost would then be the last of its
//! kind.

use super::sessions;
use crate::headers::Https;
use crate::router::lets_in;
use crate::shared::Shared;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Answers the devices whose session was ended for them; whoever comes to sign in is let
/// through.
pub(crate) async fn tell(
    State((shared, https)): State<(Arc<Shared>, Https)>,
    request: Request,
    next: Next,
) -> Response {
    if !lets_in(request.uri().path())
        && let Some(session) = sessions::claimed(request.headers(), https.0)
    {
        match shared.store.ended(&session).await {
            Ok(None) => {}
            Ok(Some(ended)) => return sessions::ending(ended).into_response(),
            Err(error) => return error.into_response(),
        }
    }
    next.run(request).await
}
