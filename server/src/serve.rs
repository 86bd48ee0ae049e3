//! Serving: our own accept loop over hyper, because `axum::serve` installs no timer and so no
//! limit on how slowly a request's head may come.
//!
//! HTTP/1.1 only: TLS and HTTP/2 are the proxy's in front of us, and proxies speak 1.1 to
//! programs like this one.

mod places;
mod shutdown;

pub use places::Limits;
pub(crate) use shutdown::{Ending, Shutdown};

use crate::telemetry::metrics::{CONNECTIONS_OPEN, CONNECTIONS_REFUSED};
use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use metrics::{counter, gauge};
use places::{Place, Places};
use std::net::IpAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

/// How long a request's head may take, and how long a connection may stay without a request.
pub const HEAD_MAX: Duration = Duration::from_secs(10);

/// How many bytes a request's head may have.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// How long to wait when the system gives no more connections, such as for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The network address a request came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Accepts and serves until asked to end, and then lets requests that are under way finish.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    mut shutdown: Shutdown,
) {
    let graceful = GracefulShutdown::new();
    let drain_max = limits.drain_max;
    let places = Places::new(limits);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = shutdown.asked() => break,
        };
        let Some((socket, peer, place)) = accepted else {
            continue;
        };
        let router = router.clone();
        let service = router.map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            request
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(socket), TowerToHyperService::new(service));
        let connection = graceful.watch(connection);
        gauge!(CONNECTIONS_OPEN).increment(1);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection");
            }
            gauge!(CONNECTIONS_OPEN).decrement(1);
            drop(place);
        });
    }
    drop(listener);
    if timeout(drain_max, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were cut off; their senders will repeat them");
    }
}

/// The next connection that may stay.
async fn accept(listener: &TcpListener, places: &Places) -> Option<(TcpStream, IpAddr, Place)> {
    let turn = places.turn().await?;
    let (socket, peer) = match listener.accept().await {
        Ok((socket, peer)) => (socket, peer.ip()),
        Err(error) => {
            tracing::warn!(%error, "accept");
            sleep(ACCEPT_PAUSE).await;
            return None;
        }
    };
    let Some(place) = places.take(turn, peer) else {
        // Dropped, so closed: an answer would cost what the limit is there to save.
        counter!(CONNECTIONS_REFUSED).increment(1);
        tracing::debug!("one network address has as many connections as it may");
        return None;
    };
    // Events are small and wanted at once.
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "no-delay");
    }
    Some((socket, peer, place))
}
