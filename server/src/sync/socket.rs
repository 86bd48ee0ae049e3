//! `GET /api/sync/socket`: a session over a WebSocket. The first message is a `hello`; then the
//! device may say anything else at any time, and each is answered on the same socket. What is
//! not understood is answered with an error, and the socket closes.

use super::live::{Ended, Gone, Inlet, Outlet, Session, Speaking, end};
use super::seats::Seat;
use crate::accounts::sessions::{MaybeSigned, Signed};
use crate::error::Error;
use crate::serve::Connection;
use crate::shared::Shared;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;
use sync::frame::{DeviceFrame, FrameError, Hello, ServerFrame};
use sync::limits::{FRAME_BYTES_MAX, HELLO_BYTES_MAX, PUSH_BYTES_MAX, WATCHDOG_MS};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{Instrument as _, Span};

/// How long a device may take to say hello.
const HELLO_MAX: Duration = Duration::from_secs(10);

/// How long a device may give no sign of life; it answers the ping that goes with each frame
/// without knowing.
pub const SILENCE_MAX: Duration = Duration::from_millis(WATCHDOG_MS);

/// How many bytes one message may have before the connection breaks. A message beyond its own
/// limit and below this one is read and thrown away, so that its sender gets to read why.
pub const MESSAGE_BYTES_MAX: usize = 2 * PUSH_BYTES_MAX;

/// How many bytes may wait for the network to take them: a frame, and what goes with it.
const WRITE_BYTES_MAX: usize = 2 * FRAME_BYTES_MAX;

/// How many bytes are read at a time; each open socket holds as many.
const READ_BYTES: usize = 1024;

/// Opens a socket.
pub(crate) async fn socket(
    State(shared): State<Arc<Shared>>,
    MaybeSigned(signed): MaybeSigned,
    connection: Option<Extension<Connection>>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Error> {
    let signed = signed.ok_or(Error::NoSession)?;
    let upgrade = upgrade.map_err(|_| Error::NotASocket)?;
    let seat = shared
        .seats
        .take(signed.user)
        .ok_or(Error::TooManyStreams)?;
    let connection = connection.map(|Extension(connection)| connection);
    let upgrade = upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .max_write_buffer_size(WRITE_BYTES_MAX)
        .read_buffer_size(READ_BYTES);
    let span = Span::current();
    Ok(upgrade.on_upgrade(move |socket| {
        let greeting = Box::pin(greet(shared, signed, seat, connection, socket));
        // In a task of its own: of what opening takes, nothing is kept while the socket is open.
        tokio::spawn(async move { greeting.await.await }.instrument(span));
        ready(())
    }))
}

/// Hears the device's hello, and opens the session that is then spoken.
async fn greet(
    shared: Arc<Shared>,
    signed: Signed,
    seat: Seat,
    connection: Option<Connection>,
    socket: WebSocket,
) -> Speaking {
    let (out, heard) = socket.split();
    let mut outlet = Out {
        socket: Some(out),
        _connection: connection,
    };
    let mut inlet = Heard {
        socket: heard,
        at: Instant::now(),
    };
    let opened = match greeted(&shared, &mut inlet).await {
        Ok(hello) => {
            let opened = Session::open(&shared, signed, seat, &hello).await;
            opened.map_err(Ended::from)
        }
        Err(ended) => Err(ended),
    };
    match opened {
        Ok(session) => session.run(outlet, inlet),
        Err(ended) => Box::pin(async move { end(&mut outlet, &mut inlet, ended).await }),
    }
}

/// The `hello` that comes first.
async fn greeted(shared: &Shared, inlet: &mut Heard) -> Result<Hello, Ended> {
    let mut shutdown = shared.shutdown.clone();
    let heard = tokio::select! {
        () = shutdown.asked() => return Err(Ended::Shutdown),
        heard = timeout(HELLO_MAX, inlet.hear()) => heard,
    };
    match heard.map_err(|_| Error::BodyIncomplete)?? {
        DeviceFrame::Hello(hello) => Ok(hello),
        _ => Err(Error::from(FrameError::Unexpected { expected: "hello" }).into()),
    }
}

struct Out {
    socket: Option<SplitSink<WebSocket, Message>>,
    /// The connection counts as one of the server's for as long as its socket is open.
    _connection: Option<Connection>,
}

impl Out {
    async fn message(&mut self, message: Message) -> Result<(), Gone> {
        let socket = self.socket.as_mut().ok_or(Gone)?;
        socket.send(message).await.map_err(|_| Gone)
    }
}

impl Outlet for Out {
    async fn send(&mut self, frame: &ServerFrame) -> Result<(), Gone> {
        self.message(Message::Text(frame.encode().into())).await?;
        // With every frame: a device that takes a long catch-up slowly has nothing else to say,
        // and the answer to a later ping would come behind all that is still on its way.
        self.message(Message::Ping(Bytes::new())).await
    }

    async fn close(&mut self, ended: &Ended) {
        let code = match ended {
            Ended::Shutdown => close_code::AWAY,
            Ended::Because(_) => close_code::POLICY,
            Ended::Left | Ended::Silent => close_code::NORMAL,
        };
        let reason = "".into();
        // A device that is gone needs no goodbye.
        let _ = self
            .message(Message::Close(Some(CloseFrame { code, reason })))
            .await;
    }

    fn hang_up(&mut self) {
        self.socket = None;
    }
}

struct Heard {
    socket: SplitStream<WebSocket>,
    /// When anything came last.
    at: Instant,
}

impl Inlet for Heard {
    async fn hear(&mut self) -> Result<DeviceFrame, Ended> {
        loop {
            let message = timeout_at(self.at + SILENCE_MAX, self.socket.next()).await;
            let message = message.map_err(|_| Ended::Silent)?;
            self.at = Instant::now();
            match message {
                Some(Ok(Message::Text(text))) => return Ok(frame(&text)?),
                // The pong was sent when the ping was read.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Err(Ended::Left),
                Some(Ok(Message::Binary(_))) => {
                    return Err(malformed("a frame is a message of text").into());
                }
                Some(Err(_)) => {
                    return Err(malformed("a message is too long or is no text").into());
                }
            }
        }
    }
}

/// A message as a frame of the protocol, within the limits that a request has.
fn frame(text: &str) -> Result<DeviceFrame, Error> {
    let bytes_max = PUSH_BYTES_MAX;
    if text.len() > bytes_max {
        return Err(Error::BodyTooLarge { bytes_max });
    }
    let frame = DeviceFrame::decode(text, &domain::SCHEMA)?;
    let bytes_max = HELLO_BYTES_MAX;
    if text.len() > bytes_max && !matches!(frame, DeviceFrame::Push(_)) {
        return Err(Error::BodyTooLarge { bytes_max });
    }
    Ok(frame)
}

fn malformed(what: &str) -> Error {
    FrameError::Malformed(what.to_owned()).into()
}
