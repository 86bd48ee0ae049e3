//! Serving: our own accept loop over hyper, because `axum::serve` installs no timer and so no
//! limit on how slowly a request's head may come.
//!
//! HTTP/1.1 only: TLS and HTTP/2 are the proxy's in front of us, and proxies speak 1.1 to
//! programs like this one.

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

/// How many connections are served at a time; the next ones wait to be accepted.
pub const CONNECTIONS_MAX: usize = 1_024;

/// How long a request's head may take.
pub const HEAD_MAX: Duration = Duration::from_secs(10);

/// How many bytes a request's head may have.
const HEAD_BYTES_MAX: usize = 32 * 1024;

/// How long requests that are under way get when the server ends.
const GRACE_MAX: Duration = Duration::from_secs(4);

/// How long to wait when the system gives no more connections, such as for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The network address a request came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Whether the server has been asked to end.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown(watch::Receiver<bool>);

impl Shutdown {
    /// The one who asks, and what everybody else listens to.
    pub(crate) fn channel() -> (watch::Sender<bool>, Self) {
        let (ask, asked) = watch::channel(false);
        (ask, Self(asked))
    }

    pub(crate) fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once the server has been asked to end, or nobody is left who could ask.
    pub(crate) async fn asked(&mut self) {
        let _ = self.0.wait_for(|asked| *asked).await;
    }
}

/// Accepts and serves until asked to end, and then lets requests that are under way finish.
pub(crate) async fn serve(listener: TcpListener, router: Router, mut shutdown: Shutdown) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
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
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection");
            }
            drop(place);
        });
    }
    drop(listener);
    if timeout(GRACE_MAX, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were cut off; their senders will repeat them");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((socket, peer)) => {
            // Events are small and wanted at once.
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%error, "no-delay");
            }
            Some((socket, peer.ip(), place))
        }
        Err(error) => {
            tracing::warn!(%error, "accept");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}
