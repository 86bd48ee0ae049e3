//! Events straight to a connection's socket, so that a quiet stream costs little more than what
//! it knows.

use super::super::live::{Ended, Gone, Inlet, Outlet, SEND_MAX, Session};
use super::event;
use crate::serve::{Chunks, Connection, Departure, chunks};
use axum::body::Body;
use sync::frame::{DeviceFrame, ServerFrame};
use tokio::time::timeout;
use tracing::Instrument as _;

/// Lets the session speak as soon as the head of the answer has left, and tells the body that
/// goes with that head.
pub(super) fn speak(session: Session, connection: Connection) -> Body {
    let (body, socket) = connection.hand_over();
    let session = Box::new(session);
    let speaking = async move {
        let Ok(handed_over) = timeout(SEND_MAX, socket).await else {
            return connection.hang_up();
        };
        // Otherwise the device has left.
        if let Ok(socket) = handed_over {
            let (chunks, departure) = chunks(socket);
            let outlet = Events {
                chunks: Some(chunks),
                _connection: connection,
            };
            session.run(outlet, Listens(departure)).await;
        }
    };
    tokio::spawn(speaking.in_current_span());
    body
}

struct Events {
    chunks: Option<Chunks>,
    /// The connection counts as one of the server's for as long as its stream is open.
    _connection: Connection,
}

impl Outlet for Events {
    async fn send(&mut self, frame: &ServerFrame) -> Result<(), Gone> {
        let chunks = self.chunks.as_mut().ok_or(Gone)?;
        chunks.write(&event(frame)).await.map_err(|_| Gone)
    }

    async fn close(&mut self, _ended: &Ended) {
        if let Some(chunks) = &mut self.chunks {
            // A device that is gone needs no end.
            let _ = chunks.end().await;
        }
    }

    fn hang_up(&mut self) {
        self.chunks = None;
    }
}

/// An event stream brings nothing back but that it is not read any more.
struct Listens(Departure);

impl Inlet for Listens {
    async fn hear(&mut self) -> Result<DeviceFrame, Ended> {
        self.0.left().await;
        Err(Ended::Left)
    }
}
