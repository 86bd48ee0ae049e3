//! `POST /api/sync/pull`: some of the feed in one answer, for a device that cannot hold a
//! stream. Without a session it is the library alone.

use super::body;
use super::feed::{Feed, Scopes};
use crate::accounts::sessions::MaybeSigned;
use crate::clock::now_ms;
use crate::error::Error;
use crate::shared::Shared;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use sync::frame::{DeviceFrame, FrameError, Hello, ServerFrame};
use sync::limits::HELLO_BYTES_MAX;

/// How many times one pull reads on; the device asks again from where it then stands.
const PULL_READS_MAX: usize = 20;

/// Answers with an array of frames. It is complete when it holds a `delta_complete`.
pub(crate) async fn pull(
    State(shared): State<Arc<Shared>>,
    MaybeSigned(signed): MaybeSigned,
    request: Request,
) -> Result<Response, Error> {
    let hello = hello(request).await?;
    let scopes = Scopes::of(signed.map(|signed| signed.user));
    let frames = match Feed::open(&shared.store, scopes, &hello).await? {
        Ok(feed) => some(feed).await?,
        Err(error) => vec![ServerFrame::Error(error)],
    };
    let frames: Vec<_> = frames.iter().map(ServerFrame::encode).collect();
    let array = format!("[{}]", frames.join(","));
    Ok(([(CONTENT_TYPE, "application/json")], array).into_response())
}

async fn some(mut feed: Feed) -> Result<Vec<ServerFrame>, Error> {
    let mut frames = vec![feed.welcome(now_ms())];
    for _ in 0..PULL_READS_MAX {
        match feed.advance().await? {
            Some(next) => frames.extend(next),
            None => break,
        }
    }
    Ok(frames)
}

/// The `hello` in a request's body.
pub(super) async fn hello(request: Request) -> Result<Hello, Error> {
    match body::frame(request.into_body(), HELLO_BYTES_MAX).await? {
        DeviceFrame::Hello(hello) => Ok(hello),
        _ => Err(FrameError::Unexpected { expected: "hello" }.into()),
    }
}
