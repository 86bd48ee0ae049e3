//! `POST /api/sync/stream`: a session whose frames are server-sent events, for as long as the
//! device listens.

use super::live::{Ended, Gone, Inlet, Outlet, Session};
use super::pull::hello;
use crate::accounts::sessions::MaybeSigned;
use crate::error::Error;
use crate::serve::Connection;
use crate::shared::Shared;
use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::sync::Arc;
use sync::frame::{DeviceFrame, ServerFrame};
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;

/// How many events wait for the network to take them: the one that comes next.
const EVENTS_QUEUED_MAX: usize = 1;

/// Answers with the feed after the markers of a `hello`.
pub(crate) async fn stream(
    State(shared): State<Arc<Shared>>,
    MaybeSigned(signed): MaybeSigned,
    connection: Option<Extension<Connection>>,
    request: Request,
) -> Result<Response, Error> {
    let hello = hello(request).await;
    let signed = signed.ok_or(Error::NoSession)?;
    let hello = hello?;
    let seat = shared
        .seats
        .take(signed.user)
        .ok_or(Error::TooManyStreams)?;
    let session = Session::open(&shared, signed, seat, &hello).await?;
    let (events, waiting) = mpsc::channel(EVENTS_QUEUED_MAX);
    let (listening, listens) = oneshot::channel();
    let outlet = Events {
        events: Some(events),
        connection: connection.map(|Extension(connection)| connection),
    };
    let speaking = session.run(outlet, Listens(listens));
    tokio::spawn(speaking.in_current_span());
    let headers = [
        (CONTENT_TYPE.as_str(), "text/event-stream"),
        (CACHE_CONTROL.as_str(), "no-store"),
        // Proxies of nginx's kind would otherwise collect events before they pass them on.
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, body(waiting, listening)).into_response())
}

/// The events as they come. `listening` is dropped with the body, when the device is gone or has
/// everything.
fn body(waiting: mpsc::Receiver<Bytes>, listening: oneshot::Sender<Infallible>) -> Body {
    let events = (waiting, listening);
    Body::from_stream(futures_util::stream::unfold(
        events,
        |mut events| async move {
            let event = events.0.recv().await?;
            Some((Ok::<_, Infallible>(event), events))
        },
    ))
}

struct Events {
    events: Option<mpsc::Sender<Bytes>>,
    connection: Option<Connection>,
}

impl Outlet for Events {
    async fn send(&mut self, frame: &ServerFrame) -> Result<(), Gone> {
        let event = Bytes::from(format!("data: {}\n\n", frame.encode()));
        let events = self.events.as_ref().ok_or(Gone)?;
        events.send(event).await.map_err(|_| Gone)
    }

    async fn close(&mut self, _ended: &Ended) {
        self.events = None;
    }

    fn hang_up(&mut self) {
        self.events = None;
        if let Some(connection) = &self.connection {
            connection.hang_up();
        }
    }
}

/// An event stream brings nothing back but that it is not read any more.
struct Listens(oneshot::Receiver<Infallible>);

impl Inlet for Listens {
    async fn hear(&mut self) -> Result<DeviceFrame, Ended> {
        if !self.0.is_terminated() {
            // Nobody sends anything; the sender is dropped, and that is what is waited for.
            let _ = (&mut self.0).await;
        }
        Err(Ended::Left)
    }
}
