//! Events by way of the answer's body, for whoever asks without a connection of ours or in
//! HTTP/1.0.

use super::super::live::{Ended, Gone, Inlet, Outlet, Session};
use super::event;
use crate::serve::Connection;
use axum::body::{Body, Bytes};
use std::convert::Infallible;
use sync::frame::{DeviceFrame, ServerFrame};
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;

/// How many events wait for the network to take them: the one that comes next.
const EVENTS_QUEUED_MAX: usize = 1;

/// Lets the session speak, and tells the body that says it.
pub(super) fn speak(session: Session, connection: Option<Connection>) -> Body {
    let (events, waiting) = mpsc::channel(EVENTS_QUEUED_MAX);
    let (listening, listens) = oneshot::channel();
    let outlet = Events {
        events: Some(events),
        connection,
    };
    let speaking = session.run(outlet, Listens(listens));
    tokio::spawn(speaking.in_current_span());
    body(waiting, listening)
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
        let event = Bytes::from(event(frame));
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
