//! Whatever ends a person's sessions closes what is open under them at once, on every node.

use crate::said::written;
use crate::ways::{Way, each_way};
use crate::ways_back::{codes, recover, reset, token_in, with_mail};
use crate::world::{PASSWORD, SOON, Visitor, World};
use app::account::Device;
use axum::body::Body;
use axum::http::Request;
use server::store::sessions::{HOLDING_MAX, SessionHash};
use server::sync::fanout::Fanout;
use server::sync::holding::Holding;
use std::pin::pin;
use std::time::Duration;
use sync::frame::ServerFrame;
use sync::id::Id;
use sync::scope::Markers;
use tokio::time::{sleep, timeout};
use tower::ServiceExt as _;

/// What PROTOCOL.md promises. It is less than what passes between two heartbeats.
const PROMISED: Duration = Duration::from_secs(5);

const NEW: &str = "snow on the slate roof";

each_way! {
    who_comes_back_by_a_code_closes_what_was_open,
    who_comes_back_by_a_mailed_link_closes_what_was_open,
    a_session_of_whose_end_nobody_tells_is_missed_within_five_seconds,
}

async fn who_comes_back_by_a_code_closes_what_was_open(way: Way) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let (bob, _) = world.person("bob").await;
    let codes = codes(&ann, PASSWORD).await;
    let mut open = way.open(&ann, Markers::default()).await;
    open.until_live().await;
    // Also somebody who is signed in as another person comes back.
    let back = recover(&bob, "ann@example.org", &codes[0], NEW).await;
    assert_eq!(back.0, 200, "{}", back.1);
    assert_eq!(open.code_at_once().await, "no_session");
    assert_eq!(open.next().await, None);
}

async fn who_comes_back_by_a_mailed_link_closes_what_was_open(way: Way) {
    let (world, mut postbox) = with_mail().await;
    let (ann, _) = world.person("ann").await;
    let mut open = way.open(&ann, Markers::default()).await;
    open.until_live().await;
    let lost = world.visitor();
    lost.call("forgot_password", &[("email", "ann@example.org")])
        .await;
    let token = token_in(&postbox.next().await);
    assert_eq!(reset(&lost, &token, NEW).await.0, 200);
    assert_eq!(open.code_at_once().await, "no_session");
    assert_eq!(open.next().await, None);
}

#[tokio::test]
async fn who_comes_back_on_one_node_closes_what_was_open_on_another() {
    let world = World::on_postgres().await;
    let other = world.another_node().await;
    let (ann, _) = world.person("ann").await;
    let codes = codes(&ann, PASSWORD).await;
    let mut there = ann.at(&other).stream(Markers::default()).await;
    there.until_live().await;
    let back = recover(&world.visitor(), "ann@example.org", &codes[0], NEW).await;
    assert_eq!(back.0, 200, "{}", back.1);
    assert_eq!(there.code_at_once().await, "no_session");
}

async fn a_session_of_whose_end_nobody_tells_is_missed_within_five_seconds(way: Way) {
    let world = World::open().await;
    let (bob, _) = world.person("bob").await;
    let mut his = way.open(&bob, Markers::default()).await;
    his.until_live().await;
    for end in [
        "DELETE FROM sessions WHERE user_id IN \
         (SELECT id FROM users WHERE email LIKE 'ann%')",
        "UPDATE sessions SET expires_at_ms = 1 WHERE user_id IN \
         (SELECT id FROM users WHERE email LIKE 'eve%')",
    ] {
        let name = if end.contains("ann") { "ann" } else { "eve" };
        let (visitor, _) = world.person(name).await;
        let mut open = way.open(&visitor, Markers::default()).await;
        open.until_live().await;
        world.execute(end).await;
        let said = open.until_within(PROMISED, |frame| matches!(frame, ServerFrame::Error(_)));
        let Some(ServerFrame::Error(error)) = said.await.pop() else {
            unreachable!("it was looked for")
        };
        assert_eq!(error.code, "no_session", "{name}");
    }
    bob.push_one(&written("on")).await;
    his.until(|frame| matches!(frame, ServerFrame::Change(_)))
        .await;
}

#[tokio::test]
async fn one_look_finds_all_ended_sessions_however_many_and_no_other() {
    let world = World::open().await;
    world.person("ann").await;
    let hers = sqlx::query_scalar::<_, Vec<u8>>("SELECT id_hash FROM sessions");
    let hers = hers.fetch_one(&world.database().await).await.expect("hers");
    let hers: SessionHash = hers.try_into().expect("a hash");
    let (fanout, holding) = (Fanout::default(), Holding::default());
    let mut listening = Vec::new();
    for number in 0..=2 * HOLDING_MAX {
        let mut session = [7; 32];
        session[..8].copy_from_slice(&number.to_be_bytes());
        let session = if number == HOLDING_MAX { hers } else { session };
        let listener = fanout.listen(Vec::new());
        let held = holding.watch(session, &listener);
        listening.push((session, listener, held));
    }
    let store = world.store().await;
    let looked = holding.look(&store, server::clock::now_ms()).await;
    looked.expect("a look");
    for (session, listener, _) in &listening {
        let woken = timeout(Duration::ZERO, listener.poked()).await.is_ok();
        assert_eq!(woken, *session != hers);
    }
    store.close().await;
}

/// What ends sessions of a person who is signed in, with what it is asked by.
const ENDINGS: [(&str, &str); 5] = [
    ("sign_out", "no_session"),
    ("sign_out_everywhere", "no_session"),
    ("change_password", "no_session"),
    ("revoke_device", "revoked_erase"),
    ("erase_account", "account_erased"),
];

#[tokio::test]
async fn who_hangs_up_once_it_is_done_leaves_nothing_open() {
    let world = World::open().await;
    for (function, code) in ENDINGS {
        let mut hung_up = false;
        for number in 1..=HANG_UPS_MAX {
            let name = format!("{function}-{number}");
            let (ann, account) = world.person(&name).await;
            let phone = world.other_device(&name).await;
            let lost = if function == "sign_out" { &ann } else { &phone };
            let mut open = lost.stream(Markers::default()).await;
            open.until_live().await;
            let form = form(&ann, function).await;
            hung_up = hang_up_once_done(&world, &ann, account.id, function, form).await;
            assert_eq!(open.code_at_once().await, code, "{function}");
            if hung_up {
                break;
            }
        }
        assert!(hung_up, "{function} was answered in one step each time");
    }
}

async fn form(visitor: &Visitor, function: &str) -> String {
    let password = PASSWORD.replace(' ', "+");
    match function {
        "change_password" => format!("present={password}&new={}", NEW.replace(' ', "+")),
        "erase_account" => format!("password={password}"),
        "revoke_device" => {
            let (_, devices) = visitor.call("devices", &[]).await;
            let devices: Vec<Device> = serde_json::from_str(&devices).expect("devices");
            let other = devices.iter().find(|device| !device.here).expect("another");
            format!("device={}", other.id)
        }
        _ => String::new(),
    }
}

/// How often a hang-up is tried: on a busy machine an answer may be there before it.
const HANG_UPS_MAX: usize = 5;

/// Asks as a browser that is gone as soon as a session has ended, and tells whether it was gone
/// before the answer. Between its steps the server waits for long enough to see each by itself.
async fn hang_up_once_done(
    world: &World,
    visitor: &Visitor,
    user: Id,
    function: &str,
    form: String,
) -> bool {
    let request = Request::post(format!("/api/account/{function}"))
        .header("host", "localhost")
        .header("sec-fetch-site", "same-origin")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("cookie", visitor.cookies())
        .body(Body::from(form));
    let routes = world.server.routes();
    let mut asking = pin!(routes.oneshot(request.expect("a request")));
    let database = world.database().await;
    let sessions = async || {
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM sessions WHERE user_id = $1")
            .bind(user.to_string())
            .fetch_one(&database)
            .await
            .expect("a count")
    };
    let before = sessions().await;
    let done = async {
        while sessions().await == before {
            if timeout(Duration::ZERO, asking.as_mut()).await.is_ok() {
                return false;
            }
            sleep(Duration::from_millis(10)).await;
        }
        true
    };
    timeout(2 * SOON, done).await.expect(function)
}
