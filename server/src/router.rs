//! The only list of routes.

use crate::accounts::{call, sessions};
use crate::config::Networks;
use crate::error::Error;
use crate::headers::{self, Https};
use crate::proxies;
use crate::shared::Shared;
use crate::sync::{cursor, pull, push, socket, stream, verify};
use crate::telemetry::metrics::measure;
use crate::telemetry::request::{Names, REQUEST_ID, trace};
use crate::{assets, health, pages};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::any::Any;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{PropagateRequestIdLayer, SetRequestIdLayer};

/// The routes of an address that people do not reach: how the server is, and what it counted.
pub(crate) fn aside(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics_anyway))
        .fallback(async || Error::NotFound)
        .with_state(shared)
}

/// All routes, inside what every request passes and every answer carries.
pub(crate) fn router(shared: Arc<Shared>, https: bool, trusted: Networks) -> Router {
    // Only these know who is asking; everything else is the same for everybody.
    let with_sessions = Router::new()
        .route("/api/account/{function}", post(call::call))
        .route("/api/sync/push", post(push::push))
        .route("/api/sync/pull", post(pull::pull))
        .route("/api/sync/stream", post(stream::stream))
        .route("/api/sync/socket", get(socket::socket))
        .route("/api/sync/cursor", post(cursor::cursor))
        .route("/api/sync/verify", post(verify::verify))
        .layer(sessions::layer(&shared, https));
    Router::new()
        .merge(with_sessions)
        .route("/", get(pages::page))
        .route("/auth/{*path}", get(pages::page))
        .route(pages::SHELL, get(pages::shell))
        .route("/sw.js", get(assets::worker))
        .route("/manifest.webmanifest", get(assets::fixed))
        .route("/favicon.ico", get(assets::fixed))
        .route("/icons/{*path}", get(assets::fixed))
        .route("/b/{build}/{*path}", get(assets::built))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .fallback(pages::other)
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(headers::guard))
        .layer(from_fn(measure))
        .layer(from_fn_with_state(Https(https), headers::dress))
        .layer(trace())
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, Names))
        .layer(from_fn_with_state(Arc::new(trusted), proxies::hear))
        .with_state(shared)
}

/// A request that runs into a fault of ours ends alone. What the fault was stands in the log, by
/// way of the panic's own words, which hold nothing that people wrote.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Error::Internal("a request that panicked").into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use tower::ServiceExt as _;

    async fn faulty() -> &'static str {
        panic!("a fault, planted by this test")
    }

    #[tokio::test]
    async fn a_fault_in_one_request_is_answered_in_words() {
        let router = Router::new()
            .route("/", get(faulty))
            .layer(CatchPanicLayer::custom(panicked));
        let answer = router
            .oneshot(Request::new(Body::empty()))
            .await
            .expect("an answer");
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = axum::body::to_bytes(answer.into_body(), 1_000)
            .await
            .expect("a body");
        assert!(String::from_utf8_lossy(&body).contains("\"internal\""));
    }
}
