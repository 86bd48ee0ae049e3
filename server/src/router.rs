//! The only list of routes.

use crate::accounts::{away, call, ended, export, sessions};
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
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use std::any::Any;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::request_id::{PropagateRequestIdLayer, SetRequestIdLayer};

/// Whom a route answers. A session that was ended for its device is told so by those that answer
/// anybody, or only who is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, and everybody the same: it does not see who asks.
    Everybody,
    /// Only programs on the server's own machine, and all of them the same: it does not see who asks.
    Machine,
    /// Everybody, and more for who is signed in.
    Anybody,
    /// Only who is signed in.
    Signed,
    /// Who comes to sign in, or to leave, whatever session they have.
    Entering,
}

impl Access {
    /// Whether the route sees with whose session a request comes.
    #[must_use]
    pub const fn sees_sessions(self) -> bool {
        !matches!(self, Self::Everybody | Self::Machine)
    }
}

/// One route. None can be without a row here, nor without saying whom it answers; a test takes
/// the rows and asks each as everybody who should not be answered.
#[derive(Debug)]
pub struct Route {
    /// Its one method. GET stands for HEAD too.
    pub method: Method,
    /// Its path, as axum writes patterns.
    pub path: &'static str,
    /// Whom it answers.
    pub access: Access,
    make: fn() -> MethodRouter<Arc<Shared>>,
}

impl Route {
    const fn get(path: &'static str, make: fn() -> MethodRouter<Arc<Shared>>) -> Self {
        Self {
            method: Method::GET,
            path,
            access: Access::Everybody,
            make,
        }
    }

    const fn get_here(path: &'static str, make: fn() -> MethodRouter<Arc<Shared>>) -> Self {
        Self {
            method: Method::GET,
            path,
            access: Access::Machine,
            make,
        }
    }

    const fn post(
        path: &'static str,
        access: Access,
        make: fn() -> MethodRouter<Arc<Shared>>,
    ) -> Self {
        Self {
            method: Method::POST,
            path,
            access,
            make,
        }
    }

    /// The handshake of a socket: the one thing that is got and knows who asks. A page's origin
    /// guards it as it guards every POST (`headers::guard`).
    const fn socket(path: &'static str, make: fn() -> MethodRouter<Arc<Shared>>) -> Self {
        Self {
            method: Method::GET,
            path,
            access: Access::Signed,
            make,
        }
    }

    const fn function(path: &'static str, access: Access) -> Self {
        Self::post(path, access, || post(call::call))
    }
}

/// All routes. The server functions of `app::account` are those below `/api/account`.
pub static ROUTES: &[Route] = &[
    Route::function("/api/account/sign_up", Access::Entering),
    Route::function("/api/account/sign_in", Access::Entering),
    Route::function("/api/account/sign_out", Access::Entering),
    Route::function("/api/account/who_am_i", Access::Anybody),
    Route::function("/api/account/devices", Access::Signed),
    Route::function("/api/account/revoke_device", Access::Signed),
    Route::function("/api/account/sign_out_everywhere", Access::Signed),
    Route::function("/api/account/change_password", Access::Signed),
    Route::function("/api/account/erase_account", Access::Signed),
    Route::function("/api/account/make_recovery_codes", Access::Signed),
    Route::function("/api/account/recovery_codes_left", Access::Signed),
    Route::function("/api/account/recover", Access::Entering),
    Route::function("/api/account/forgot_password", Access::Entering),
    Route::function("/api/account/reset_password", Access::Entering),
    Route::function("/api/account/ways_in", Access::Entering),
    Route::function("/api/account/passkeys", Access::Signed),
    Route::function("/api/account/begin_passkey", Access::Signed),
    Route::function("/api/account/add_passkey", Access::Signed),
    Route::function("/api/account/remove_passkey", Access::Signed),
    Route::function("/api/account/begin_passkey_sign_in", Access::Entering),
    Route::function("/api/account/sign_in_with_passkey", Access::Entering),
    Route::function("/api/account/begin_passkey_sign_up", Access::Entering),
    Route::function("/api/account/sign_up_with_passkey", Access::Entering),
    Route::post("/api/account/export", Access::Signed, || {
        post(export::export)
    }),
    Route::post("/api/sync/push", Access::Signed, || post(push::push)),
    Route::post("/api/sync/pull", Access::Anybody, || post(pull::pull)),
    Route::post("/api/sync/stream", Access::Signed, || post(stream::stream)),
    Route::socket("/api/sync/socket", || get(socket::socket)),
    Route::post("/api/sync/cursor", Access::Signed, || post(cursor::cursor)),
    Route::post("/api/sync/verify", Access::Signed, || post(verify::verify)),
    Route::get("/", || get(pages::page)),
    Route::get("/auth/{*path}", || get(pages::page)),
    Route::get(pages::SHELL, || get(pages::shell)),
    Route::get("/sw.js", || get(assets::worker)),
    Route::get("/manifest.webmanifest", || get(assets::fixed)),
    Route::get("/favicon.ico", || get(assets::fixed)),
    Route::get("/icons/{*path}", || get(assets::fixed)),
    Route::get("/b/{build}/{*path}", || get(assets::built)),
    Route::get("/healthz", || get(health::healthz)),
    Route::get("/readyz", || get(health::readyz)),
    Route::get_here("/metrics", || get(health::metrics)),
];

/// Whether a path is for those who come to sign in, or to leave.
pub(crate) fn lets_in(path: &str) -> bool {
    let route = ROUTES.iter().find(|route| route.path == path);
    route.is_some_and(|route| route.access == Access::Entering)
}

/// All routes, inside what every request passes and every answer carries.
pub(crate) fn router(shared: Arc<Shared>, https: bool, trusted: Networks) -> Router {
    let https = Https(https);
    // Only these know who is asking; everything else is the same for everybody.
    let with_sessions = routes(Access::sees_sessions)
        .layer(sessions::layer(&shared, https.0))
        .layer(from_fn(away::in_words))
        .layer(from_fn_with_state(
            (Arc::clone(&shared), https),
            ended::tell,
        ));
    routes(|access| !access.sees_sessions())
        .merge(with_sessions)
        .fallback(pages::other)
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(headers::guard))
        .layer(from_fn(measure))
        .layer(from_fn_with_state(https, headers::dress))
        .layer(trace())
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(SetRequestIdLayer::new(REQUEST_ID, Names))
        .layer(from_fn_with_state(Arc::new(trusted), proxies::hear))
        .with_state(shared)
}

/// The routes of an address that people do not reach: how the server is, and what it counted.
pub(crate) fn aside(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics_anyway))
        .fallback(async || Error::NotFound)
        .with_state(shared)
}

fn routes(of: impl Fn(Access) -> bool) -> Router<Arc<Shared>> {
    let ours = ROUTES.iter().filter(|route| of(route.access));
    ours.fold(Router::new(), |router, route| {
        router.route(route.path, (route.make)())
    })
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
