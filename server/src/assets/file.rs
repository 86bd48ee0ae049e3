//! One file of the site, and the answer that carries it.

use axum::body::{Body, Bytes};
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderName,
    IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// How many characters a file's tag and a build's name have.
pub(super) const NAME_CHARS: usize = 12;

#[derive(Debug)]
pub(crate) struct File {
    pub(super) bytes: Bytes,
    /// The same, compressed at build time.
    brotli: Option<Bytes>,
    kind: &'static str,
    tag: String,
}

impl File {
    pub(crate) fn new(name: &str, bytes: Bytes, brotli: Option<Bytes>) -> Self {
        let tag = hex(&Sha256::digest(&bytes), NAME_CHARS);
        Self {
            bytes,
            brotli,
            kind: kind(name),
            tag,
        }
    }

    /// The answer that carries the file, or that says it has not changed.
    pub(crate) fn answer(&self, asked: &HeaderMap, caching: &'static str) -> Response {
        let compressed = self.brotli.as_ref().filter(|_| takes_brotli(asked));
        let tag = format!(
            "\"{}{}\"",
            self.tag,
            if compressed.is_some() { "-br" } else { "" }
        );
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(ETAG, tag);
        }
        if self.brotli.is_some() {
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
        }
        if is_known(asked, &tag) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        if compressed.is_some() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("br"));
        }
        (
            headers,
            Body::from(compressed.unwrap_or(&self.bytes).clone()),
        )
            .into_response()
    }
}

/// The beginning of a digest, as text.
pub(super) fn hex(bytes: &[u8], characters: usize) -> String {
    bytes
        .iter()
        .take(characters / 2)
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

pub(super) fn extension(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, extension)| extension)
}

fn kind(name: &str) -> &'static str {
    match extension(name) {
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "ico" => "image/x-icon",
        "jpg" | "jpeg" => "image/jpeg",
        "js" => "text/javascript; charset=utf-8",
        "json" | "map" => "application/json",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}

fn takes_brotli(asked: &HeaderMap) -> bool {
    list(asked, &ACCEPT_ENCODING).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000");
        name.trim().eq_ignore_ascii_case("br") && !refused
    })
}

fn is_known(asked: &HeaderMap, tag: &str) -> bool {
    list(asked, &IF_NONE_MATCH).any(|known| known.trim_start_matches("W/") == tag)
}

fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',').map(str::trim))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brotli_is_sent_to_who_takes_it() {
        let takes = |text: &'static str| {
            takes_brotli(&HeaderMap::from_iter([(
                ACCEPT_ENCODING,
                HeaderValue::from_static(text),
            )]))
        };
        assert!(takes("gzip, deflate, br, zstd"));
        assert!(takes("BR;q=0.5"));
        assert!(!takes("gzip, br;q=0"));
        assert!(!takes("gzip"));
        assert!(!takes_brotli(&HeaderMap::new()));
    }
}
