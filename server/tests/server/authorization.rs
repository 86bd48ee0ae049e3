//! Whom each route answers: every row of the router's list, asked as everybody who should not be
//! answered; and every synced table, asked for by another person.
//!
//! A route without a row in the list does not exist. A row without an example in `examples.rs`,
//! and a table that cannot be filled, fail here.

use crate::examples::{address, example};
use crate::said::{change, written};
use crate::ways::handshake;
use crate::world::{PASSWORD, Visitor, World, session_cookie};
use axum::http::Method;
use leptos::server_fn::axum::server_fn_paths;
use reqwest::Client;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HeaderMap};
use server::router::{Access, ROUTES, Route};
use server::store::{ScopeKey, Store};
use std::collections::BTreeSet;
use sync::change::Op;
use sync::id::Id;
use sync::local::Account;
use sync::row::Row;
use sync::scope::{Markers, OWN};
use sync::table::TableSpec;
use sync::value::{FieldKind, Fields, Value};

const CANARY: &str = "What only Ann may read.";
const FORM: &str = "application/x-www-form-urlencoded";

/// The one route that is got and knows who asks: a socket begins so, and any site's page can begin
/// one with the person's cookie. `headers.rs` therefore holds every `Upgrade` against its `Origin`.
const SOCKET: &str = "/api/sync/socket";

/// What a browser says that wants a socket.
const HANDSHAKE: [(&str, &str); 4] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

/// Those who have no session, or not any more.
const STRANGERS: [&str; 5] = ["nobody", "expired", "signed out", "revoked", "erased"];

/// What a stranger hears of a route that answers only people with a session.
fn refusal(stranger: &str) -> (u16, &'static str) {
    match stranger {
        "revoked" => (401, "revoked_erase"),
        "erased" => (410, "account_erased"),
        _ => (401, "no_session"),
    }
}

/// A browser that always sends this cookie, whatever it is told of it.
fn with_cookie(world: &World, cookie: Option<&str>) -> Visitor {
    let mut headers = HeaderMap::new();
    if let Some(cookie) = cookie {
        headers.insert(COOKIE, cookie.parse().expect("a cookie"));
    }
    let http = Client::builder().default_headers(headers).build();
    let mut visitor = world.visitor();
    visitor.http = http.expect("a client");
    visitor
}

/// Signs a person in and gives the cookie of it.
async fn cookie_of(world: &World, name: &str) -> String {
    let form = format!(
        "email={name}%40example.org&password={}",
        PASSWORD.replace(' ', "+")
    );
    let answer = world
        .visitor()
        .post("/api/account/sign_in", FORM, form)
        .await;
    let cookie = session_cookie(&answer);
    cookie.split(';').next().expect("a pair").to_owned()
}

/// Everybody who should not be answered, by the name of what they are.
async fn strangers(world: &World, ann: &Visitor) -> Vec<(&'static str, Visitor)> {
    let mut strangers = Vec::new();
    for kind in STRANGERS {
        let cookie = match kind {
            "nobody" => None,
            "erased" => {
                let (eve, _) = world.person("eve").await;
                let cookie = cookie_of(world, "eve").await;
                let erased = eve.call("erase_account", &[("password", PASSWORD)]).await;
                assert_eq!(erased.0, 200, "{}", erased.1);
                Some(cookie)
            }
            _ => {
                let cookie = cookie_of(world, "ann").await;
                end(world, ann, kind, &cookie).await;
                Some(cookie)
            }
        };
        strangers.push((kind, with_cookie(world, cookie.as_deref())));
    }
    strangers
}

async fn end(world: &World, ann: &Visitor, kind: &str, cookie: &str) {
    let newest =
        "SELECT id_hash FROM sessions ORDER BY created_at_ms DESC, seen_at_ms DESC LIMIT 1";
    match kind {
        "signed out" => {
            let there = with_cookie(world, Some(cookie));
            assert_eq!(there.call("sign_out", &[]).await.0, 200);
        }
        "expired" => {
            let statement =
                format!("UPDATE sessions SET expires_at_ms = 1 WHERE id_hash = ({newest})");
            let database = world.database().await;
            let done = sqlx::query(sqlx::AssertSqlSafe(statement)).execute(&database);
            assert_eq!(done.await.expect("aged").rows_affected(), 1);
        }
        _ => {
            let (_, body) = ann.call("devices", &[]).await;
            let devices: Vec<app::account::Device> = serde_json::from_str(&body).expect("devices");
            let other = devices.iter().find(|device| !device.here).expect("another");
            let revoked = ann
                .call("revoke_device", &[("device", &other.id.to_string())])
                .await;
            assert_eq!(revoked.0, 200, "{}", revoked.1);
        }
    }
}

/// Asks a route as this visitor; only so much of a stream as comes at once.
async fn ask(world: &World, visitor: &Visitor, route: &Route) -> (u16, String) {
    let path = address(&world.server.build, route.path);
    let mut answer = if route.method == Method::GET {
        let mut request = visitor
            .http
            .get(world.url(&path))
            .header("accept", "text/html");
        if route.path == SOCKET {
            request = request.header("origin", &visitor.base);
            for (name, value) in HANDSHAKE {
                request = request.header(name, value);
            }
        }
        request.send().await.expect("an answer")
    } else {
        let (kind, body) = example(route.path, visitor.device_id).expect(route.path);
        visitor.post(&path, kind, body).await
    };
    let status = answer.status().as_u16();
    let stream = answer
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind == "text/event-stream");
    let body = if stream {
        answer.chunk().await.expect("a part").unwrap_or_default()
    } else {
        answer.bytes().await.expect("a body")
    };
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn every_server_function_has_a_row_among_the_routes() {
    let listed: BTreeSet<_> = ROUTES.iter().map(|route| route.path).collect();
    let functions: BTreeSet<_> = server_fn_paths().map(|(path, _)| path).collect();
    assert!(functions.len() > 20, "{functions:?}");
    for (path, method) in server_fn_paths() {
        assert!(
            listed.contains(path),
            "{path} cannot be reached: add a row to router.rs"
        );
        assert_eq!(method, Method::POST, "{path}");
    }
    let account = listed
        .iter()
        .filter(|path| path.starts_with("/api/account/"));
    for path in account.filter(|path| !path.ends_with("/export")) {
        assert!(
            functions.contains(path),
            "{path} is a row without a function"
        );
    }
    assert_eq!(listed.len(), ROUTES.len(), "a path is listed twice");
}

#[tokio::test]
async fn no_route_answers_who_should_not_be_answered() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    ann.push_one(&written(CANARY)).await;
    let strangers = strangers(&world, &ann).await;
    for route in ROUTES {
        let mut same = BTreeSet::new();
        for (kind, stranger) in &strangers {
            let (status, body) = ask(&world, stranger, route).await;
            let name = format!("{} as {kind}: {status} {body}", route.path);
            assert!(!body.contains(CANARY), "{name}");
            let (wanted, code) = refusal(kind);
            let refused = status == wanted && body.contains(&format!("\"code\":\"{code}\""));
            let told = ["no_session", "revoked_erase", "account_erased"];
            let told = told.iter().any(|code| body.contains(code));
            match route.access {
                Access::Signed => assert!(refused, "{name}"),
                Access::Anybody if code == "no_session" => assert_eq!(status, 200, "{name}"),
                Access::Anybody => assert!(refused, "{name}"),
                Access::Entering => assert!(!told, "{name}"),
                // These visitors are on the server's machine.
                Access::Machine => assert_eq!(status, 200, "{name}"),
                Access::Everybody => {
                    assert_eq!(status, 200, "{name}");
                    same.insert(body);
                }
            }
        }
        if route.access == Access::Machine {
            let elsewhere = ann.http.get(world.url(route.path));
            let elsewhere = elsewhere
                .header("x-forwarded-for", "192.0.2.1")
                .send()
                .await;
            let status = elsewhere.expect("an answer").status();
            assert_eq!(status, 404, "{}", route.path);
        }
        if route.access == Access::Everybody {
            same.insert(ask(&world, &ann, route).await.1);
            assert_eq!(
                same.len(),
                1,
                "{} is not the same for everybody",
                route.path
            );
        }
    }
    assert_eq!(world.end_of(&account).await, 1, "nothing was written");
    assert_eq!(
        ann.who_am_i().await,
        Some(account),
        "and nobody else was harmed"
    );
}

#[tokio::test]
async fn every_route_that_knows_sessions_is_a_small_plain_post_of_this_site_or_the_socket() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let known = ROUTES.iter().filter(|route| route.access.sees_sessions());
    for route in known.filter(|route| route.path != SOCKET) {
        let url = world.url(route.path);
        let (kind, body) = example(route.path, ann.device_id).expect(route.path);
        let status = async |request: reqwest::RequestBuilder| {
            request.send().await.expect("an answer").status().as_u16()
        };
        let post = || ann.http.post(&url).header(CONTENT_TYPE, kind);
        let ours = || post().header("sec-fetch-site", "same-origin");
        assert_eq!(route.method, Method::POST, "{}", route.path);
        assert_eq!(status(ann.http.get(&url)).await, 405, "{}", route.path);
        assert_eq!(
            status(post().body(body.clone())).await,
            403,
            "{}",
            route.path
        );
        let evil = post().header("origin", "https://evil.example");
        assert_eq!(status(evil.body(body.clone())).await, 403, "{}", route.path);
        let packed = ours().header(CONTENT_ENCODING, "gzip");
        assert_eq!(status(packed.body(body)).await, 415, "{}", route.path);
        let long = "x".repeat(2 * 1024 * 1024);
        assert_eq!(status(ours().body(long)).await, 413, "{}", route.path);
    }
    let socket = ROUTES.iter().find(|route| route.path == SOCKET);
    assert_eq!(socket.map(|route| &route.method), Some(&Method::GET));
    let cookies = ann.cookies();
    for origin in ["https://evil.example", "null", ""] {
        let headers = [("cookie", cookies.as_str()), ("origin", origin)];
        let opened = handshake(&ann.base, &headers).await.map(drop);
        assert_eq!(opened, Err(403), "{SOCKET} from {origin}");
    }
    let ours = [("cookie", cookies.as_str()), ("origin", &ann.base)];
    assert!(handshake(&ann.base, &ours).await.is_ok(), "{SOCKET}");
    assert_eq!(ann.who_am_i().await, Some(account.clone()));
    assert_eq!(world.end_of(&account).await, 0);
}

/// Fields that a table takes, with the canary wherever there is room for it.
fn filled(table: &TableSpec) -> Fields {
    let fields = table.fields.iter().map(|field| {
        let value = match field.kind {
            FieldKind::Text { bytes_max, .. } if bytes_max >= CANARY.len() => CANARY.into(),
            FieldKind::Text { .. } => Value::Text("x".to_owned()),
            FieldKind::Day => Value::Text("2026-11-21".to_owned()),
            FieldKind::Integer => Value::Integer(1),
            FieldKind::Boolean => Value::Boolean(true),
            FieldKind::Id => Value::Text(Id::from_u128(9).to_string()),
        };
        (field.name.to_owned(), value)
    });
    fields.collect()
}

/// Puts a row into every table that a person's journal has.
async fn fill(store: &Store, account: &Account) {
    let scope = ScopeKey::own(account.id);
    let mut writing = store.write(scope).await.expect("a turn");
    for (number, table) in (1..).zip(own_tables()) {
        let mut step = writing.step().await.expect("a step");
        let mut row = Row::empty(table.name, Id::from_u128(number));
        row.op_id = Id::from_u128(100 + number);
        row.fields = filled(table);
        let now_ms = server::clock::now_ms();
        step.put_own(table, &mut row, now_ms).await.expect("a row");
        step.commit().await.expect("kept");
    }
    writing.commit().await.expect("kept");
}

fn own_tables() -> impl Iterator<Item = &'static TableSpec> {
    let tables = domain::SCHEMA.tables.iter().copied();
    tables.filter(|table| table.lives_in(OWN))
}

async fn rows(store: &Store, account: &Account) -> Vec<Row> {
    let mut rows = Vec::new();
    for table in own_tables() {
        let scope = ScopeKey::own(account.id);
        let found = store.rows_after(&scope, table, None).await.expect("rows");
        assert!(!found.is_empty(), "the test has nothing in {}", table.name);
        rows.extend(found);
    }
    rows
}

#[tokio::test]
async fn another_person_reads_and_writes_no_row_of_any_table() {
    let world = World::open().await;
    let (_, account) = world.person("ann").await;
    let (bob, _) = world.person("bob").await;
    let store = world.store().await;
    fill(&store, &account).await;
    let before = rows(&store, &account).await;
    for row in &before {
        for op in [Op::Update, Op::Insert, Op::Delete] {
            let fields = match op {
                Op::Delete => Fields::new(),
                _ => row.fields.clone(),
            };
            let mut forged = change(op, row.key, fields);
            forged.table.clone_from(&row.table);
            for field in forged.fields.values_mut() {
                if *field == Value::from(CANARY) {
                    *field = "forged".into();
                }
            }
            bob.push(vec![forged]).await;
        }
    }
    assert_eq!(
        rows(&store, &account).await,
        before,
        "and every row as it was"
    );
    for route in ROUTES
        .iter()
        .filter(|route| route.access != Access::Everybody)
    {
        let (status, body) = ask(&world, &bob, route).await;
        assert!(
            !body.contains(CANARY),
            "{} as another person: {status}",
            route.path
        );
        // Some of the routes end the session, or could.
        if bob.who_am_i().await.is_none() {
            assert_eq!(bob.sign_in("bob@example.org", PASSWORD).await.0, 200);
        }
    }
    let frames = format!("{:?}", bob.pull(Markers::default()).await);
    assert!(!frames.contains(CANARY));
    assert_eq!(rows(&store, &account).await, before);
}
