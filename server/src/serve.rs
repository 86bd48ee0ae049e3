//! Serving: our own accept loop over hyper, because `axum::serve` installs no timer and so no
//! limit on how slowly a request's head may come.
//!
//! HTTP/1.1 only: TLS and HTTP/2 are the proxy's in front of us, and proxies speak 1.1 to
//! programs like this one.

mod chunks;
mod connection;
mod handover;
mod places;
mod shutdown;

pub use chunks::SURPLUS_BYTES_MAX;
pub(crate) use chunks::{Chunks, Departure, chunks};
pub(crate) use connection::Connection;
pub use places::Limits;
pub(crate) use shutdown::{Ending, Shutdown};

use crate::telemetry::metrics::CONNECTIONS_REFUSED;
use axum::Router;
use connection::serve_one;
use metrics::counter;
use places::{Place, Places};
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// How long a request's head may take, and how long a connection may stay without a request.
pub const HEAD_MAX: Duration = Duration::from_secs(10);

/// How many bytes a request's head may have.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// How long to wait when the system gives no more connections, such as for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The network address a request came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// What counts as one address: for IPv6 the first half, for that much one household gets.
pub(crate) fn home_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Accepts and serves until asked to end, and then lets requests that are under way finish.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    mut shutdown: Shutdown,
) {
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
        let this = Connection::of(place);
        let serving = serve_one(socket, peer, this, router.clone(), shutdown.clone());
        tokio::spawn(serving);
    }
    drop(listener);
    if timeout(drain_max, places.all_free()).await.is_err() {
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
