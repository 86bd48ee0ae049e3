//! What every answer carries, and which requests are not listened to at all.

use crate::error::Error;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue,
    ORIGIN, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, UPGRADE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Everything from ourselves, nothing inline, and only as much as the app uses. No trusted
/// types: Leptos sets `innerHTML` for the static parts of its own templates.
pub const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    connect-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
    manifest-src 'self'; worker-src 'self'; base-uri 'none'; object-src 'none'; \
    frame-ancestors 'none'; form-action 'self'";

const PERMISSIONS: &str = "accelerometer=(), browsing-topics=(), camera=(), \
    display-capture=(), geolocation=(), gyroscope=(), hid=(), magnetometer=(), microphone=(), \
    midi=(), payment=(), serial=(), usb=(), xr-spatial-tracking=()";

/// A year, with the neighbours below this name, as is asked of a site that means it.
pub const STAY_WITH_HTTPS: &str = "max-age=31536000; includeSubDomains";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The same on every answer, whatever it is.
const ALWAYS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
];

/// Whether people reach this server by https.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Https(pub(crate) bool);

/// Puts the headers on every answer. What says nothing of caching is not cached.
pub(crate) async fn dress(State(https): State<Https>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if https.0 {
        headers.insert(
            STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static(STAY_WITH_HTTPS),
        );
    }
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Refuses what another site's page sends, and bodies that could unpack without bound.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_ours = match *request.method() {
        // The one thing that is got and can change something. Any page may ask for a socket.
        Method::GET if asks_for_socket(headers) => is_own_origin(headers),
        Method::GET | Method::HEAD => true,
        _ => is_same_origin(headers),
    };
    if !is_ours {
        return Error::CrossSite.into_response();
    }
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Error::ContentEncoding.into_response();
    }
    next.run(request).await
}

/// Programs offer other protocols too, such as `h2c`, and take an answer without them.
fn asks_for_socket(headers: &HeaderMap) -> bool {
    headers.get_all(UPGRADE).iter().any(|offer| {
        let offer = String::from_utf8_lossy(offer.as_bytes());
        offer.to_ascii_lowercase().contains("websocket")
    })
}

/// Browsers say where a request comes from, and no page can make them say otherwise. Older
/// ones, and those on plain HTTP, say it by the origin alone.
fn is_same_origin(headers: &HeaderMap) -> bool {
    match headers.get(SEC_FETCH_SITE) {
        Some(site) => site == "same-origin",
        None => is_own_origin(headers),
    }
}

/// All browsers name the origin of a page that opens a socket; what else they say differs.
fn is_own_origin(headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let (Some(origin), Some(host)) = (text(ORIGIN), text(HOST)) else {
        return false;
    };
    let site = origin.split_once("://").map(|(_, site)| site);
    site.is_some_and(|site| site.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_this_site_may_change_something() {
        let check = |pairs: &[(&'static str, &'static str)], expected: bool| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(is_same_origin(&headers), expected, "{pairs:?}");
        };
        let host = ("host", "journal.example:8443");
        check(&[host, ("sec-fetch-site", "same-origin")], true);
        check(&[host, ("sec-fetch-site", "same-site")], false);
        check(&[host, ("sec-fetch-site", "none")], false);
        check(
            &[
                host,
                ("sec-fetch-site", "cross-site"),
                ("origin", "https://journal.example:8443"),
            ],
            false,
        );
        check(&[host, ("origin", "https://Journal.example:8443")], true);
        check(&[host, ("origin", "https://journal.example")], false);
        check(&[host, ("origin", "https://evil.example")], false);
        check(&[host, ("origin", "null")], false);
        check(&[host], false);
        check(&[("origin", "https://journal.example")], false);
    }
}
