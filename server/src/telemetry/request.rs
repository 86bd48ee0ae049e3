//! The name of each request: in its log lines, in its answer as `x-request-id`, and in the logs
//! of the proxy that gave it, if one did.

use crate::clock::new_id;
use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Response};
use std::time::Duration;
use tower_http::classify::{ServerErrorsAsFailures, SharedClassifier};
use tower_http::request_id::{MakeRequestId, RequestId};
use tower_http::trace::TraceLayer;
use tracing::Span;

/// The header that carries the name.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long a name may be that a proxy gives.
const GIVEN_CHARS_MAX: usize = 64;

/// What stands for the route where none fits: an address may hold an entry's name, so it is
/// neither logged nor counted by.
pub(crate) const NO_ROUTE: &str = "other";

/// Makes names where no proxy has given one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names;

impl MakeRequestId for Names {
    fn make_request_id<B>(&mut self, _: &axum::http::Request<B>) -> Option<RequestId> {
        let name = HeaderValue::from_str(&new_id()?.to_string());
        name.ok().map(RequestId::new)
    }
}

/// Whether a name that a proxy gives is one: short, and nothing but letters, digits, `-`, `_`
/// and `.`, so that no log line can be broken with it.
pub(crate) fn is_name(name: &HeaderValue) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=GIVEN_CHARS_MAX).contains(&name.len()) && name.as_bytes().iter().all(fits)
}

/// The route that a request takes, by its pattern.
pub(crate) fn route_of(request: &Request) -> &str {
    let matched = request.extensions().get::<MatchedPath>();
    matched.map_or(NO_ROUTE, MatchedPath::as_str)
}

type Classes = SharedClassifier<ServerErrorsAsFailures>;
type Opens = fn(&Request) -> Span;
type Answers = fn(&Response<Body>, Duration, &Span);

/// Puts every request under its name; says when it is answered, and nothing else.
pub(crate) type Trace = TraceLayer<Classes, Opens, (), Answers, (), (), ()>;

/// Puts everything that is logged about a request under its name, and says how it ended. What
/// went wrong is logged where it is known, by [`crate::error::Error`].
pub(crate) fn trace() -> Trace {
    TraceLayer::new_for_http()
        .make_span_with(span as Opens)
        .on_request(())
        .on_response(answered as Answers)
        .on_body_chunk(())
        .on_eos(())
        .on_failure(())
}

fn span(request: &Request) -> Span {
    let name = request.extensions().get::<RequestId>();
    let name = name.and_then(|name| name.header_value().to_str().ok());
    tracing::info_span!(
        "request",
        id = name.unwrap_or_default(),
        method = %request.method(),
        route = route_of(request),
    )
}

fn answered(response: &Response<Body>, took: Duration, _: &Span) {
    let (status, took_ms) = (response.status().as_u16(), took.as_millis());
    tracing::debug!(status, took_ms, "answered");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxys_name_is_short_and_plain_or_none() {
        let check = |name: &[u8], expected: bool| {
            let name = HeaderValue::from_bytes(name).expect("a header");
            assert_eq!(is_name(&name), expected, "{name:?}");
        };
        check(b"b8f1c2e0-1f2a-4c55-9a01-0242ac120002", true);
        check(b"A.b_9", true);
        check(&[b'a'; GIVEN_CHARS_MAX], true);
        check(&[b'a'; GIVEN_CHARS_MAX + 1], false);
        check(b"", false);
        check(b"a b", false);
        check(b"id=1", false);
        check(b"\xc3\xa9", false);
    }
}
