//! Proxies in front: whose word on where a request comes from, and on what it is called, is
//! taken. Everybody else's is thrown away.

use crate::config::Networks;
use crate::serve::Peer;
use crate::telemetry::request::{REQUEST_ID, is_name};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::Response;
use std::net::IpAddr;
use std::sync::Arc;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What a proxy adds to what it passes on; a request with none of these came straight here.
const SIGNS: [HeaderName; 5] = [
    FORWARDED_FOR,
    HeaderName::from_static("forwarded"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-real-ip"),
    axum::http::header::VIA,
];

/// Gives the request the address of who sent it, and takes away a name that nobody trusted gave.
pub(crate) async fn hear(
    State(trusted): State<Arc<Networks>>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let is_trusted = peer.is_some_and(|peer| trusted.contain(peer));
    if let (true, Some(peer)) = (is_trusted, peer) {
        let sender = sender(request.headers(), peer, &trusted);
        request.extensions_mut().insert(Peer(sender));
    }
    let keeps = |name| is_trusted && is_name(name);
    if !request.headers().get(REQUEST_ID).is_some_and(keeps) {
        request.headers_mut().remove(REQUEST_ID);
    }
    next.run(request).await
}

/// Whether the request came straight here and not through a proxy.
pub(crate) fn is_direct(headers: &HeaderMap) -> bool {
    !SIGNS.iter().any(|sign| headers.contains_key(sign))
}

/// The last address in the chain that is no trusted proxy's: what stands before it was written by
/// who knows whom.
fn sender(headers: &HeaderMap, peer: IpAddr, trusted: &Networks) -> IpAddr {
    let lines = headers.get_all(FORWARDED_FOR).into_iter();
    let texts = lines.map(|line| line.to_str().unwrap_or_default());
    let chain: Vec<_> = texts.flat_map(|text| text.split(',')).collect();
    let mut sender = peer;
    for hop in chain.into_iter().rev() {
        let Ok(address) = hop.trim().parse() else {
            break;
        };
        sender = address;
        if !trusted.contain(sender) {
            break;
        }
    }
    sender
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_request_is_from_the_last_address_that_no_trusted_proxy_has() {
        let check = |lines: &[&'static str], expected: &str| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
            }
            let trusted = "127.0.0.1, 10.0.0.0/8".parse().expect("networks");
            let sender = sender(&headers, IpAddr::from([127, 0, 0, 1]), &trusted);
            assert_eq!(sender.to_string(), expected, "{lines:?}");
        };
        check(&[], "127.0.0.1");
        check(&["192.0.2.1"], "192.0.2.1");
        // Whoever writes the header before the proxy adds to it decides nothing.
        check(&["198.51.100.9, 192.0.2.1"], "192.0.2.1");
        check(&["198.51.100.9", "192.0.2.1, 10.0.0.3"], "192.0.2.1");
        check(&["2001:db8::1, 10.0.0.3"], "2001:db8::1");
        check(&["nonsense"], "127.0.0.1");
        check(&["192.0.2.1, nonsense"], "127.0.0.1");
        check(&["10.0.0.4, 10.0.0.3"], "10.0.0.4");
    }
}
