//! The site: files, pages, and what every answer carries.

use crate::world::World;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap,
    IF_NONE_MATCH,
};
use server::config::Config;
use server::error::StartError;

async fn get(world: &World, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, String) {
    let mut request = world.visitor().http.get(world.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    (status, headers, answer.text().await.expect("a body"))
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const EVER: &str = "public, max-age=31536000, immutable";
const ASK: &str = "no-cache";
const NEVER: &str = "no-store";

/// Path, status, type and caching of every kind of route; `%` is the build.
const ROUTES: [(&str, u16, &str, &str); 17] = [
    ("/", 200, HTML, ASK),
    ("/auth/login", 200, HTML, ASK),
    ("/journal-entries/some-key", 200, HTML, ASK),
    ("/_shell", 200, HTML, ASK),
    ("/sw.js", 200, SCRIPT, ASK),
    (
        "/manifest.webmanifest",
        200,
        "application/manifest+json",
        ASK,
    ),
    ("/icons/icon-192.png", 200, "image/png", ASK),
    ("/favicon.ico", 200, "image/png", ASK),
    ("/b/%/pkg/daybook.wasm", 200, "application/wasm", EVER),
    ("/b/%/pkg/daybook.js", 200, SCRIPT, EVER),
    ("/b/another/pkg/daybook.js", 404, JSON, NEVER),
    ("/b/%/sw.js", 404, JSON, NEVER),
    ("/b/%/../data/daybook.sqlite", 404, JSON, NEVER),
    ("/b/%/..%2Fdata%2Fdaybook.sqlite", 404, JSON, NEVER),
    ("/api/nothing", 404, JSON, NEVER),
    ("/healthz", 200, TEXT, NEVER),
    ("/readyz", 200, TEXT, NEVER),
];

#[tokio::test]
async fn every_kind_of_route_answers_with_its_type_its_caching_and_the_same_strict_headers() {
    let world = World::open().await;
    for (path, status, kind, caching) in ROUTES {
        let path = path.replacen("/%/", &format!("/{}/", world.server.build), 1);
        let accept = [(ACCEPT.as_str(), "text/html,*/*")];
        let (found, headers, body) = get(&world, &path, &accept).await;
        assert_eq!(found, status, "{path}: {body}");
        assert_eq!(headers[CONTENT_TYPE], kind, "{path}");
        assert_eq!(headers[CACHE_CONTROL], caching, "{path}");
        check_strict(&path, &headers);
    }
}

#[tokio::test]
async fn errors_carry_the_strict_headers_too() {
    let world = World::open().await;
    let accept = [(ACCEPT.as_str(), "image/*")];
    let (status, headers, body) = get(&world, "/missing.png", &accept).await;
    assert!(status == 404 && body.contains("not_found"), "{body}");
    check_strict("/missing.png", &headers);
    let answer = world.visitor().post("/api/sync/push", JSON, "").await;
    check_strict("/api/sync/push", answer.headers());
}

fn check_strict(path: &str, headers: &HeaderMap) {
    let policy = server::headers::POLICY;
    let expected = [
        ("content-security-policy", policy),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    for (name, value) in expected {
        assert_eq!(headers[name], value, "{path}");
    }
    let permissions = headers["permissions-policy"].to_str().expect("text");
    assert!(permissions.contains("camera=()"), "{path}");
    assert!(
        !policy.contains("unsafe-inline") && !policy.contains("  "),
        "{policy}"
    );
}

#[tokio::test]
async fn a_stream_may_be_neither_cached_nor_collected_by_a_proxy() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let answer = ann.stream_answer(sync::scope::Markers::default()).await;
    let headers = answer.headers();
    assert_eq!(headers[CONTENT_TYPE], "text/event-stream");
    assert_eq!(headers[CACHE_CONTROL], "no-store");
    assert_eq!(headers["x-accel-buffering"], "no");
    check_strict("/api/sync/stream", headers);
}

#[tokio::test]
async fn every_file_that_the_service_worker_keeps_is_there() {
    let world = World::open().await;
    let (_, headers, text) = get(&world, "/sw.js", &[]).await;
    assert_eq!(headers["service-worker-allowed"], "/");
    assert!(
        text.starts_with(&format!("const BUILD = \"{}\";\n", world.server.build)),
        "{text}"
    );
    assert!(text.ends_with("];\nlisten();"), "{text}");
    let urls: Vec<_> = text
        .split('"')
        .filter(|part| part.starts_with("/b/"))
        .collect();
    assert_eq!(urls.len(), 7, "{urls:?}");
    for url in urls {
        assert_eq!(get(&world, url, &[]).await.0, 200, "{url}");
        assert!(!url.ends_with(".br") && !url.ends_with("sw.js"), "{url}");
    }
}

#[tokio::test]
async fn a_known_file_is_not_sent_again_and_brotli_is_sent_to_who_takes_it() {
    let world = World::open().await;
    let path = format!("/b/{}/pkg/daybook.js", world.server.build);
    let (_, plain, body) = get(&world, &path, &[]).await;
    assert_eq!(body, "page();");
    assert!(!plain.contains_key(CONTENT_ENCODING));
    assert_eq!(plain["vary"], "accept-encoding");
    let (_, compressed, body) = get(&world, &path, &[(ACCEPT_ENCODING.as_str(), "gzip, br")]).await;
    assert_eq!(compressed[CONTENT_ENCODING], "br");
    assert_eq!(body, "not really brotli");
    assert_ne!(plain[ETAG], compressed[ETAG]);
    let tag = plain[ETAG].to_str().expect("text");
    let (status, _, body) = get(&world, &path, &[(IF_NONE_MATCH.as_str(), tag)]).await;
    assert_eq!((status, body.as_str()), (304, ""));
    let (_, shell, _) = get(&world, "/_shell", &[]).await;
    let tag = shell[ETAG].to_str().expect("text");
    assert_eq!(
        get(&world, "/_shell", &[(IF_NONE_MATCH.as_str(), tag)])
            .await
            .0,
        304
    );
}

#[tokio::test]
async fn the_pages_name_the_build_and_have_nothing_inline() {
    let world = World::open().await;
    for path in ["/", "/auth/login", "/_shell"] {
        let (_, _, body) = get(&world, path, &[(ACCEPT.as_str(), "text/html")]).await;
        assert!(body.contains(&world.server.build), "{path}: {body}");
        assert!(
            !body.contains(" style=") && !body.contains(" onclick="),
            "{path}"
        );
        for script in body.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap_or_default();
            assert!(tag.contains("src="), "{path}: an inline script: {tag}");
        }
    }
}

#[tokio::test]
async fn what_keeps_the_server_from_starting_is_said_with_a_remedy() {
    let world = World::open().await;
    let folder = world.folder.path();
    let fits = Config {
        addr: world.server.address,
        database_url: format!("sqlite:{}", folder.join("other.sqlite").display()),
        site: Some(folder.join("site")),
        ..Config::default()
    };
    let free = "127.0.0.1:0".parse().expect("an address");
    let error = server::start(&fits).await.expect_err("a taken port");
    assert!(matches!(error, StartError::PortTaken(_)));
    assert!(error.to_string().contains("DAYBOOK_ADDR="), "{error}");
    let no_site = Config {
        addr: free,
        site: Some(folder.join("nowhere")),
        ..fits.clone()
    };
    let error = server::start(&no_site).await.expect_err("no site");
    assert!(error.to_string().contains("cargo xtask run"), "{error}");
    std::fs::write(folder.join("a file"), "").expect("a file");
    let url = format!("sqlite:{}", folder.join("a file/daybook.sqlite").display());
    let no_folder = Config {
        addr: free,
        database_url: url,
        ..fits
    };
    let error = server::start(&no_folder).await.expect_err("no folder");
    assert!(error.to_string().contains("DATABASE_URL"), "{error}");
}
