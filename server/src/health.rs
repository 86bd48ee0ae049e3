//! Whether the server is well, for whoever looks after it.

use crate::error::Error;
use crate::proxies::is_direct;
use crate::serve::Peer;
use crate::shared::Shared;
use crate::telemetry::metrics::told;
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::response::Response;
use std::net::IpAddr;
use std::sync::Arc;

/// `GET /healthz`: the program runs and answers. It says nothing of the database: a restart
/// would not mend that.
pub(crate) async fn healthz() -> &'static str {
    "ok"
}

/// `GET /readyz`: new requests are welcome: the database answers, its schema is this program's,
/// and the server does not end.
pub(crate) async fn readyz(State(shared): State<Arc<Shared>>) -> Result<&'static str, Error> {
    if shared.shutdown.is_announced() {
        return Err(Error::Ending);
    }
    if !shared.store.is_migrated().await? {
        return Err(Error::NotMigrated);
    }
    Ok("ok")
}

/// `GET /metrics` where people are served: for a program on this very machine, and nothing for
/// everybody else. A proxy on this machine does not count as one: it asks by its site's name, or
/// says that it passes something on.
pub(crate) async fn metrics(
    State(shared): State<Arc<Shared>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let here = peer.to_canonical().is_loopback() && is_direct(&headers) && asks_here(&headers);
    if shared.tells_metrics_elsewhere || !here {
        return Err(Error::NotFound);
    }
    Ok(metrics_anyway(State(shared)).await)
}

/// `GET /metrics` at an address of its own, which its operator keeps private.
pub(crate) async fn metrics_anyway(State(shared): State<Arc<Shared>>) -> Response {
    shared.store.measure();
    told()
}

/// Whether the request names this machine by what only this machine is called.
fn asks_here(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let Some(host) = host else { return false };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']').parse();
    name == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_names_of_this_machine_are_names_of_this_machine() {
        let check = |host: &'static str, expected: bool| {
            let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
            assert_eq!(asks_here(&headers), expected, "{host}");
        };
        for host in [
            "localhost",
            "localhost:3000",
            "127.0.0.1:3000",
            "[::1]:3000",
            "[::1]",
        ] {
            check(host, true);
        }
        for host in [
            "journal.example",
            "127.0.0.1.evil.example:3000",
            "localhost.evil",
            "",
        ] {
            check(host, false);
        }
        assert!(!asks_here(&HeaderMap::new()));
    }
}
