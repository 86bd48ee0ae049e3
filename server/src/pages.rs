//! HTML. `/` and `/auth/…` are rendered for their reader's first sight; every other address
//! gets the one shell that is the same for everybody, so it can be kept on every device.

use crate::assets::File;
use crate::error::Error;
use crate::shared::Shared;
use axum::extract::State;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// HTML is asked after each time; it names its build's files.
const CACHING: &str = "no-cache";

/// Where the shell is to be had by name, for the service worker to keep.
pub const SHELL: &str = "/_shell";

/// The pages of one build.
#[derive(Debug)]
pub(crate) struct Pages {
    shell: File,
}

impl Pages {
    pub(crate) fn of(build: &str) -> Self {
        let html = app::shell::shell_html(build);
        Self {
            shell: File::new("shell.html", html.into(), None),
        }
    }
}

/// What the pages look like but for their build's name: a change of it is another build.
pub(crate) fn outline() -> String {
    [app::shell::shell_html(""), app::shell::page_html("", "/")].concat()
}

/// `GET /` and `GET /auth/{*path}`: rendered here.
pub(crate) async fn page(State(shared): State<Arc<Shared>>, uri: Uri) -> Response {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let html = app::shell::page_html(shared.assets.build(), path);
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, CACHING),
    ];
    (headers, html).into_response()
}

/// `GET /_shell`: the shell, whoever asks.
pub(crate) async fn shell(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    shared.pages.shell.answer(&headers, CACHING)
}

/// Every other address: the shell for a browser that opens it, nothing for a program.
pub(crate) async fn other(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let reads = matches!(method, Method::GET | Method::HEAD);
    let ours = ["/api/", "/b/"]
        .iter()
        .any(|start| uri.path().starts_with(start));
    if reads && !ours && opens_a_page(&headers) {
        shared.pages.shell.answer(&headers, CACHING)
    } else {
        Error::NotFound.into_response()
    }
}

fn opens_a_page(headers: &HeaderMap) -> bool {
    let accepts = headers
        .get_all(ACCEPT)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    accepts.into_iter().any(|value| value.contains("text/html"))
}
