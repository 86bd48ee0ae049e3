//! A socket that hyper hands over once it has written the head of an answer.
//!
//! hyper keeps two buffers of 8 KiB for as long as it has a connection. That is little for a
//! request and most of what a quiet stream costs. So a stream takes its socket out of hyper's
//! hands: its body is asked for when the head is made, and from then on the next complete flush
//! means that nothing of hyper's is left to write. hyper is told that the socket is gone, and
//! ends. The head is hyper's own, and so is the order of answers on the connection.

use super::Connection;
use axum::body::{Body, Bytes};
use futures_util::stream::poll_fn;
use std::convert::Infallible;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Whether a connection's socket is handed over, and to whom.
#[derive(Debug, Default)]
pub(super) struct Handover(Mutex<Stage>);

#[derive(Debug, Default)]
enum Stage {
    /// hyper has it.
    #[default]
    Lent,
    /// The head of the answer is made; with the next flush it is written.
    Due(oneshot::Sender<TcpStream>),
    /// hyper has it no more.
    Done,
}

/// The socket of a connection, for as long as hyper has it.
#[derive(Debug)]
pub(super) struct Lent {
    socket: Option<TcpStream>,
    connection: Connection,
}

impl Handover {
    /// Whether hyper ended because its socket was taken, and not by a fault.
    pub(super) fn is_done(&self) -> bool {
        matches!(*self.stage(), Stage::Done)
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is to have the socket now.
    fn due(&self) -> Option<oneshot::Sender<TcpStream>> {
        let mut stage = self.stage();
        match std::mem::take(&mut *stage) {
            Stage::Due(taker) => {
                *stage = Stage::Done;
                Some(taker)
            }
            other => {
                *stage = other;
                None
            }
        }
    }
}

impl Connection {
    /// For an answer without an end, in HTTP/1.1's chunked coding: its body, and the socket once
    /// its head is written. An error comes instead should the connection end before.
    pub(crate) fn hand_over(&self) -> (Body, oneshot::Receiver<TcpStream>) {
        let (give, taken) = oneshot::channel();
        let (connection, mut give) = (self.clone(), Some(give));
        let asked_for = poll_fn(move |_| {
            if let Some(give) = give.take() {
                *connection.handover().stage() = Stage::Due(give);
            }
            // Nobody needs to be woken: the flush that follows is the end of this body.
            Poll::<Option<std::result::Result<Bytes, Infallible>>>::Pending
        });
        (Body::from_stream(asked_for), taken)
    }
}

impl Lent {
    pub(super) const fn new(socket: TcpStream, connection: Connection) -> Self {
        Self {
            socket: Some(socket),
            connection,
        }
    }

    fn socket(&mut self) -> Result<Pin<&mut TcpStream>> {
        let gone = || Error::new(ErrorKind::NotConnected, "handed over");
        self.socket.as_mut().map(Pin::new).ok_or_else(gone)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // The connection ended before its head was written: who waits for the socket hears so.
        drop(self.connection.handover().due());
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        self.socket()?.poll_read(context, into)
    }
}

impl AsyncWrite for Lent {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.socket()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.socket()?.poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket
            .as_ref()
            .is_some_and(TcpStream::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.socket()?.poll_flush(context))?;
        let Some(taker) = self.connection.handover().due() else {
            return Poll::Ready(Ok(()));
        };
        if let Some(socket) = self.socket.take() {
            // Should nobody wait for it any more, this closes it.
            let _ = taker.send(socket);
        }
        Poll::Ready(self.socket().map(|_| ()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.socket()?.poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::super::places::Places;
    use super::*;
    use crate::config::Networks;
    use futures_util::FutureExt as _;
    use http_body_util::BodyExt as _;
    use std::net::Ipv4Addr;
    use std::time::Duration;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    async fn lent() -> (Lent, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let address = listener.local_addr().expect("an address");
        let theirs = TcpStream::connect(address).await.expect("theirs");
        let (ours, _) = listener.accept().await.expect("ours");
        let places = Places::new(Limits {
            connections_max: 1,
            per_address_max: 1,
            uncounted: Networks::loopback(),
            drain_max: Duration::ZERO,
        });
        let turn = places.turn().await.expect("a turn");
        let place = places.take(turn, Ipv4Addr::LOCALHOST.into());
        let connection = Connection::of(place.expect("a place"));
        (Lent::new(ours, connection), theirs)
    }

    #[tokio::test]
    async fn the_socket_is_handed_over_by_the_flush_after_the_body_was_asked_for() {
        let (mut lent, _theirs) = lent().await;
        let (mut body, mut taken) = lent.connection.hand_over();
        lent.write_all(b"an answer before").await.expect("written");
        lent.flush().await.expect("flushed");
        assert!(taken.try_recv().is_err() && !lent.connection.handover().is_done());
        assert!(body.frame().now_or_never().is_none());
        lent.write_all(b"the head").await.expect("written");
        assert!(taken.try_recv().is_err());
        assert!(lent.flush().await.is_err(), "hyper must end");
        assert!(taken.try_recv().is_ok() && lent.connection.handover().is_done());
        assert!(lent.write_all(b"more").await.is_err());
    }

    #[tokio::test]
    async fn who_waits_for_a_socket_hears_that_its_connection_has_ended() {
        let (lent, _theirs) = lent().await;
        let connection = lent.connection.clone();
        let (mut body, taken) = connection.hand_over();
        assert!(body.frame().now_or_never().is_none());
        drop((lent, body));
        let heard = tokio::time::timeout(Duration::from_secs(1), taken).await;
        assert!(heard.expect("at once").is_err());
    }
}
