//! `POST /api/sync/stream`: a session whose frames are server-sent events, for as long as the
//! device listens. Over a connection of ours they go straight to its socket ([`direct`]),
//! otherwise through the answer's body ([`queued`]).

mod direct;
mod queued;

use super::live::Session;
use super::pull::hello;
use crate::accounts::sessions::MaybeSigned;
use crate::error::Error;
use crate::serve::Connection;
use crate::shared::Shared;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::Version;
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use sync::frame::ServerFrame;

/// Answers with the feed after the markers of a `hello`.
pub(crate) async fn stream(
    State(shared): State<Arc<Shared>>,
    MaybeSigned(signed): MaybeSigned,
    connection: Option<Extension<Connection>>,
    request: Request,
) -> Result<Response, Error> {
    let is_chunked = request.version() == Version::HTTP_11;
    let hello = hello(request).await;
    let signed = signed.ok_or(Error::NoSession)?;
    let hello = hello?;
    let seat = shared
        .seats
        .take(signed.user)
        .ok_or(Error::TooManyStreams)?;
    let session = Session::open(&shared, signed, seat, &hello).await?;
    let headers = [
        (CONTENT_TYPE.as_str(), "text/event-stream"),
        (CACHE_CONTROL.as_str(), "no-store"),
        // Proxies of nginx's kind would otherwise collect events before they pass them on.
        ("x-accel-buffering", "no"),
    ];
    let connection = connection.map(|Extension(connection)| connection);
    Ok(match connection {
        Some(connection) if is_chunked => {
            let body = direct::speak(session, connection);
            // The socket does not come back from the stream.
            (headers, [(CONNECTION, "close")], body).into_response()
        }
        connection => (headers, queued::speak(session, connection)).into_response(),
    })
}

/// A frame as an event.
fn event(frame: &ServerFrame) -> String {
    format!("data: {}\n\n", frame.encode())
}
