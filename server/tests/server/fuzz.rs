//! Bodies that nobody would send: random ones, and good ones that were bitten. Every route is
//! asked, in this process and without a network; none may fail inside.
//!
//! `DAYBOOK_FUZZ_BODIES` says how many, `DAYBOOK_FUZZ_SEED` where chance begins.

use crate::examples::{address, example};
use crate::said::{deleted, edited, patched, push_frame, written};
use crate::ways_back::with_mail;
use crate::world::Visitor;
use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use futures_util::stream::{self, StreamExt as _};
use server::router::{Access, ROUTES};
use std::collections::BTreeMap;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use sync::digest::Digest;
use sync::frame::{Acknowledged, Bye, DeviceFrame, Digests, Verify};
use sync::id::Mint;
use sync::scope::Markers;
use tower::ServiceExt as _;

/// How many bodies an ordinary run throws.
const BODIES: u64 = 3_000;

/// How many of them are under way at a time.
const AT_A_TIME: usize = 8;

/// Paths that are not there.
const NOWHERE: [&str; 2] = ["/nowhere", "/api/account/nothing"];

/// Pieces that mean something to who reads them.
const PIECES: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "-1",
    "0",
    "1e999",
    "18446744073709551615",
    "18446744073709551616",
    "\u{1}",
    "\u{0}",
    "é",
    "\"own\"",
    "\"library\"",
    "\"prompts\"",
    "\"$deleted\"",
];

static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Counts panics of the whole program, also those that are caught on the way.
fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let otherwise = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            PANICS.fetch_add(1, Ordering::Relaxed);
            otherwise(panic);
        }));
    });
}

/// A body that is taken as it is, and where.
type Good = (String, Vec<u8>);

/// The routes, as `router.rs` lists them, and what is not there.
fn paths(build: &str) -> Vec<String> {
    let routes = ROUTES.iter().map(|route| address(build, route.path));
    routes.chain(NOWHERE.map(str::to_owned)).collect()
}

/// Good bodies of every kind.
fn good_bodies(ann: &Visitor) -> Vec<Good> {
    let device_id = ann.device_id;
    let long = "A long day, and another one. ".repeat(100);
    let entry = written(&long);
    let changes = vec![
        entry.clone(),
        edited(&entry, "It rained."),
        patched(&entry, &long, &format!("First. {long}")),
        deleted(&entry),
    ];
    let tables = [("journal_entries".to_owned(), Digest::default())];
    let frames = [
        DeviceFrame::Ack(Acknowledged {
            device_id,
            positions: [(crate::said::own(), sync::scope::Marker::START)].into(),
        }),
        DeviceFrame::Bye(Bye {
            device_id,
            reason: "closed".to_owned(),
        }),
        DeviceFrame::Verify(Verify {
            device_id,
            markers: Markers::default(),
            digests: Digests::from([(crate::said::own(), tables.into())]),
        }),
        DeviceFrame::Heartbeat {},
    ];
    let path = |frame: &DeviceFrame| match frame {
        DeviceFrame::Verify(_) => "/api/sync/verify",
        _ => "/api/sync/cursor",
    };
    let frames = frames.iter().map(|frame| (path(frame), frame.encode()));
    let mut good: Vec<_> = frames.collect();
    let hello = ann.hello(Markers::default());
    good.push(("/api/sync/pull", hello.clone()));
    good.push(("/api/sync/stream", hello));
    good.push(("/api/sync/push", push_frame(device_id, changes)));
    good.push(("/api/sync/push", push_frame(device_id, vec![entry])));
    for route in ROUTES {
        good.extend(example(route.path, device_id).map(|(_, body)| (route.path, body)));
    }
    let bytes = good.into_iter();
    bytes
        .map(|(path, text)| (path.to_owned(), text.into_bytes()))
        .collect()
}

fn below(mint: &mut Mint, bound: usize) -> usize {
    let bound = u64::try_from(bound.max(1)).expect("small");
    usize::try_from(mint.below(bound)).expect("small")
}

fn random_bytes(mint: &mut Mint, count: usize) -> Vec<u8> {
    let bytes = (0..count).map(|_| u8::try_from(mint.below(256)).expect("a byte"));
    bytes.collect()
}

/// A body that is random, or was good before something bit it, and where to send it.
fn body(mint: &mut Mint, good: &[Good], paths: &[String]) -> Good {
    let anywhere = paths[below(mint, paths.len())].clone();
    if mint.below(8) == 0 {
        let count = below(mint, 300);
        return (anywhere, random_bytes(mint, count));
    }
    let (there, mut body) = good[below(mint, good.len())].clone();
    for _ in 0..mint.below(5) {
        bite(mint, &mut body, good);
    }
    let path = if mint.below(4) == 0 { anywhere } else { there };
    (path, body)
}

fn bite(mint: &mut Mint, body: &mut Vec<u8>, good: &[Good]) {
    let (one, other) = (below(mint, body.len() + 1), below(mint, body.len() + 1));
    let (from, to) = (one.min(other), one.max(other));
    let near = to.min(from + below(mint, 40));
    match mint.below(8) {
        0 => body.truncate(from),
        1 => {
            body.drain(from..near);
        }
        2 => {
            let again = body[from..near].to_vec();
            body.splice(from..from, again);
        }
        3 => {
            let count = below(mint, 8);
            body.splice(from..near, random_bytes(mint, count));
        }
        4 | 5 => {
            let piece = PIECES[below(mint, PIECES.len())].as_bytes();
            body.splice(from..near, piece.iter().copied());
        }
        6 => {
            let (_, of) = &good[below(mint, good.len())];
            let start = below(mint, of.len());
            let end = (start + below(mint, 200)).min(of.len());
            body.splice(from..near, of[start..end].iter().copied());
        }
        // One character for another of its kind: still a name, a number or a text.
        _ => {
            if let Some(byte) = body.get_mut(from) {
                *byte = match *byte {
                    b'0'..=b'9' => b'0' + u8::try_from(mint.below(10)).expect("a digit"),
                    b'a'..=b'z' => b'a' + u8::try_from(mint.below(26)).expect("a letter"),
                    other => other ^ 1,
                };
            }
        }
    }
}

/// One request. Tells the status, and what of a body that has no end came at once.
async fn ask(routes: &Router, request: Request<Body>) -> (StatusCode, Vec<u8>) {
    let Ok(answer) = routes.clone().oneshot(request).await;
    let status = answer.status();
    let mut parts = answer.into_body().into_data_stream();
    let first = parts.next().await.and_then(Result::ok);
    (status, first.map(|part| part.to_vec()).unwrap_or_default())
}

fn request(mint: &mut Mint, cookies: &str, path: &str, body: Vec<u8>) -> Request<Body> {
    let gets = !path.starts_with("/api/") || path.ends_with("socket");
    let method = match mint.below(20) {
        0 => Method::PUT,
        1 => Method::GET,
        _ if gets => Method::GET,
        _ => Method::POST,
    };
    let kind = ["application/json", "application/x-www-form-urlencoded", ""][below(mint, 3)];
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", kind);
    if mint.below(10) > 0 {
        request = request.header("cookie", cookies);
    }
    request.body(Body::from(body)).expect("a request")
}

/// Whether a good body may end the session that it comes with.
fn ends_sessions(path: &str) -> bool {
    let route = ROUTES.iter().find(|route| route.path == path);
    route.is_some_and(|route| route.access == Access::Entering) || path.ends_with("everywhere")
}

fn number_of(name: &str, otherwise: u64) -> u64 {
    let said = std::env::var(name).ok();
    said.map_or(otherwise, |said| said.parse().expect("a number"))
}

#[tokio::test]
async fn no_body_whatever_it_is_breaks_the_server() {
    count_panics();
    // With everything that a server can be set up for.
    let (world, _postbox) = with_mail().await;
    let (ann, _) = world.person("ann").await;
    // Whoever comes to sign in, or leaves, has another session afterwards, or none.
    let (bob, _) = world.person("bob").await;
    let (routes, anns, bobs) = (world.server.routes(), ann.cookies(), bob.cookies());
    let paths = paths(&world.server.build);
    let (bodies, seed) = (
        number_of("DAYBOOK_FUZZ_BODIES", BODIES),
        number_of("DAYBOOK_FUZZ_SEED", 1),
    );
    let good = good_bodies(&ann);
    let began = Instant::now();
    let one = async |number: u64| {
        let mut mint = Mint::new(0, [seed, number]);
        let (path, sent) = body(&mut mint, &good, &paths);
        let cookies = if ends_sessions(&path) { &bobs } else { &anns };
        let asked = request(&mut mint, cookies, &path, sent.clone());
        let method = asked.method().clone();
        let (status, answer) = ask(&routes, asked).await;
        // A server may be busy, such as with one's other export.
        let broke = status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE;
        let panics = PANICS.load(Ordering::Relaxed);
        assert!(
            !broke && panics == 0,
            "{method} {path} was answered {status} {}, after {panics} panics, in body {number} of \
             seed {seed}: {}",
            String::from_utf8_lossy(&answer),
            String::from_utf8_lossy(&sent)
        );
        status.as_u16()
    };
    let mut answers = stream::iter(0..bodies).map(one).buffer_unordered(AT_A_TIME);
    let mut statuses = BTreeMap::new();
    while let Some(status) = answers.next().await {
        *statuses.entry(status).or_insert(0_u64) += 1;
    }
    println!("{bodies} bodies in {:?}: {statuses:?}", began.elapsed());
    // Some of them were good: otherwise nothing was reached that could break.
    assert!(statuses.get(&200).is_some_and(|count| *count > bodies / 20));
    // And the server is none the worse for it.
    let entry = written("Still here.");
    let outcome = ann.push_one(&entry).await;
    assert!(crate::said::lsn_of(&outcome).is_some(), "{outcome:?}");
}
