//! One connection: served until it ends, becomes a socket, or is hung up.

use super::handover::{Handover, Lent};
use super::places::Place;
use super::{HEAD_BYTES_MAX, HEAD_MAX, Peer, Shutdown};
use crate::telemetry::metrics::CONNECTIONS_OPEN;
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use metrics::gauge;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tower::ServiceExt as _;

/// The connection that a request came by. While an answer or a socket holds it, it keeps its
/// place among those that the server puts up with.
#[derive(Clone, Debug)]
pub(crate) struct Connection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hung_up: Notify,
    handover: Handover,
    _held: Held,
}

/// A place, and its count among the open connections.
#[derive(Debug)]
struct Held(#[expect(dead_code, reason = "dropping it frees the place")] Place);

impl Drop for Held {
    fn drop(&mut self) {
        gauge!(CONNECTIONS_OPEN).decrement(1);
    }
}

impl Connection {
    pub(super) fn of(place: Place) -> Self {
        gauge!(CONNECTIONS_OPEN).increment(1);
        Self(Arc::new(Inner {
            hung_up: Notify::new(),
            handover: Handover::default(),
            _held: Held(place),
        }))
    }

    /// Breaks it, whatever is still on its way: the other side takes nothing.
    pub(crate) fn hang_up(&self) {
        self.0.hung_up.notify_one();
    }

    pub(super) fn handover(&self) -> &Handover {
        &self.0.handover
    }
}

/// Serves one connection until it ends, becomes a socket or a stream, is hung up, or the server
/// ends and the request that is under way is answered.
pub(super) async fn serve_one(
    socket: TcpStream,
    peer: IpAddr,
    this: Connection,
    router: Router,
    mut shutdown: Shutdown,
) {
    let socket = TokioIo::new(Lent::new(socket, this.clone()));
    let connection = this.clone();
    let service = router.map_request(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        request.extensions_mut().insert(connection.clone());
        request
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(socket, TowerToHyperService::new(service))
        .with_upgrades();
    let mut serving = pin!(serving);
    let mut is_ending = false;
    loop {
        tokio::select! {
            served = serving.as_mut() => {
                if let Err(error) = served && !this.handover().is_done() {
                    tracing::debug!(%error, "connection");
                }
                return;
            }
            () = this.0.hung_up.notified() => return tracing::debug!("hung up"),
            () = shutdown.asked(), if !is_ending => {
                is_ending = true;
                serving.as_mut().graceful_shutdown();
            }
        }
    }
}
