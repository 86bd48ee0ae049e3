//! Sockets: what a device says on one is answered on the same, and what is not understood ends it.

use crate::said::{code_of, edited, hello, lsn_of, markers_after, own, push_frame, written};
use crate::ways::{Socket, handshake};
use crate::world::{SOON, Visitor, World};
use server::sync::socket::MESSAGE_BYTES_MAX;
use std::time::{Duration, Instant};
use sync::digest::Digest;
use sync::frame::{
    Acknowledged, Bye, DeviceFrame, Digests, Outcome, PushResult, ServerFrame, Standing, Verify,
};
use sync::limits::{HELLO_BYTES_MAX, PUSH_BYTES_MAX, PUSH_CHANGES_MAX};
use sync::scope::Markers;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

async fn live(visitor: &Visitor) -> (Socket, Markers) {
    let mut socket = Socket::open(visitor).await;
    socket.say(visitor.hello(Markers::default())).await;
    let missed = socket.frames.until_live().await;
    (socket, markers_after(&missed))
}

async fn answer(socket: &mut Socket) -> PushResult {
    let is_answer = |frame: &ServerFrame| matches!(frame, ServerFrame::PushResult(_));
    match socket.frames.until(is_answer).await.pop() {
        Some(ServerFrame::PushResult(result)) => Some(result),
        _ => None,
    }
    .expect("an answer")
}

/// The code of the error that must come, after which nothing may.
async fn last_error(socket: &mut Socket) -> String {
    let is_error = |frame: &ServerFrame| matches!(frame, ServerFrame::Error(_));
    let Some(ServerFrame::Error(error)) = socket.frames.until(is_error).await.pop() else {
        unreachable!("it was looked for")
    };
    assert!(error.message.len() > 20, "{error:?}");
    let end = timeout(SOON, socket.frames.next()).await;
    assert_eq!(end.expect("the end"), None);
    error.code
}

#[tokio::test]
async fn each_change_of_a_push_has_its_outcome_on_the_same_socket_and_its_echo_by_name() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let (mut socket, _) = live(&ann).await;
    let good = written("Kept.");
    let blank = written("  ");
    let unknown = edited(&written("Nowhere."), "There is no such row.");
    let changes = vec![good.clone(), blank.clone(), unknown.clone()];
    socket.say(push_frame(ann.device_id, changes.clone())).await;
    let first = answer(&mut socket).await;
    assert_eq!(first.outcomes.len(), 3);
    assert_eq!(lsn_of(&first.outcomes[&good.op_id]), Some(1));
    assert_eq!(code_of(&first.outcomes[&blank.op_id]), Some("blank"));
    let gone = &first.outcomes[&unknown.op_id];
    assert!(matches!(gone, Outcome::Gone { .. }), "{gone:?}");
    let is_change = |frame: &ServerFrame| matches!(frame, ServerFrame::Change(_));
    let news = socket.frames.until(is_change).await;
    let Some(ServerFrame::Change(echo)) = news.last() else {
        unreachable!("it was looked for")
    };
    assert_eq!(echo.rows[0].op_id, good.op_id);
    socket.say(push_frame(ann.device_id, changes)).await;
    let again = answer(&mut socket).await;
    let repeat = &again.outcomes[&good.op_id];
    assert!(matches!(repeat, Outcome::Duplicate { .. }), "{repeat:?}");
}

#[tokio::test]
async fn a_device_acknowledges_compares_and_leaves_on_its_socket() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let entry = written("It rained.");
    ann.push_one(&entry).await;
    let (mut socket, markers) = live(&ann).await;
    let device_id = ann.device_id;
    let here = markers.get(&own(), "journal_entries");
    let positions = [(own(), here)].into();
    let ack = Acknowledged {
        device_id,
        positions,
    };
    socket.say_frame(&DeviceFrame::Heartbeat {}).await;
    socket.say_frame(&DeviceFrame::Ack(ack)).await;
    let tables = [("journal_entries".to_owned(), Digest::default())];
    let verify = Verify {
        device_id,
        markers,
        digests: Digests::from([(own(), tables.into())]),
    };
    socket.say_frame(&DeviceFrame::Verify(verify)).await;
    let is_result = |frame: &ServerFrame| matches!(frame, ServerFrame::VerifyResult(_));
    let Some(ServerFrame::VerifyResult(verified)) = socket.frames.until(is_result).await.pop()
    else {
        unreachable!("it was looked for")
    };
    let standing = verified.tables[&own()]["journal_entries"];
    assert_eq!(standing, Standing::Differs, "the digest was of nothing");
    // What came before on the same socket is done.
    let noted: Vec<(String, i64)> =
        sqlx::query_as("SELECT scope, acknowledged FROM device_cursors")
            .fetch_all(&world.database().await)
            .await
            .expect("cursors");
    assert_eq!(noted, [(format!("own:{}", account.id), 1)]);
    let reason = "closed".to_owned();
    let bye = DeviceFrame::Bye(Bye { device_id, reason });
    socket.say_frame(&bye).await;
    let end = timeout(SOON, socket.frames.next()).await;
    assert_eq!(end.expect("the end"), None);
}

#[tokio::test]
async fn what_is_not_understood_is_answered_with_a_code_and_the_socket_closes() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    ann.push_one(&written("before")).await;
    let push = push_frame(ann.device_id, vec![written("x")]);
    let many = push_frame(ann.device_id, vec![written("x"); PUSH_CHANGES_MAX + 1]);
    let padded = |frame: &str, bytes: usize| format!("{frame}{}", " ".repeat(bytes - frame.len()));
    let bye = DeviceFrame::Heartbeat {}.encode();
    let no_text = Frame::message(vec![0xff_u8, 0xfe], OpCode::Data(Data::Text), true);
    let cases = [
        (Message::text(""), "bad_frame"),
        (Message::text("nonsense"), "bad_frame"),
        (Message::text("[".repeat(100_000)), "bad_frame"),
        (Message::text(push.replace("push", "shove")), "bad_frame"),
        (
            Message::text(push.replace("\"v\":1", "\"v\":2")),
            "version_unsupported",
        ),
        (Message::text(many), "too_many_changes"),
        (
            Message::text(padded(&push, PUSH_BYTES_MAX + 1)),
            "body_too_large",
        ),
        (
            Message::text(padded(&bye, HELLO_BYTES_MAX + 1)),
            "body_too_large",
        ),
        (Message::binary(push.clone().into_bytes()), "bad_frame"),
        (Message::Frame(no_text), "bad_frame"),
    ];
    for (message, code) in cases {
        let (mut socket, _) = live(&ann).await;
        socket.send(message.clone()).await;
        assert_eq!(last_error(&mut socket).await, code, "after the hello");
        // And in place of the hello.
        let mut socket = Socket::open(&ann).await;
        socket.send(message).await;
        assert_eq!(last_error(&mut socket).await, code, "in place of it");
    }
    let hello_again = ann.hello(Markers::default());
    let (mut socket, _) = live(&ann).await;
    socket.say(hello_again).await;
    assert_eq!(last_error(&mut socket).await, "unexpected_frame");
    let mut socket = Socket::open(&ann).await;
    socket.say(push).await;
    assert_eq!(last_error(&mut socket).await, "unexpected_frame");
    assert_eq!(world.end_of(&account).await, 1);
}

#[tokio::test]
async fn a_hello_is_refused_on_a_socket_as_it_is_in_a_request() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let good = ann.hello(Markers::default());
    let cases = [
        (good.replace("\"prompts\"", "\"nowhere\""), "unknown_table"),
        (
            hello(
                ann.device_id,
                Markers::default(),
                domain::SCHEMA.version + 1,
            ),
            "update_required",
        ),
    ];
    for (hello, code) in cases {
        let mut socket = Socket::open(&ann).await;
        socket.say(hello).await;
        assert_eq!(last_error(&mut socket).await, code);
    }
}

#[tokio::test]
async fn a_message_beyond_all_limits_breaks_its_socket_and_nothing_else() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let (mut socket, _) = live(&ann).await;
    let (mut other, _) = live(&ann).await;
    let endless = Frame::message(
        vec![b' '; MESSAGE_BYTES_MAX + 1],
        OpCode::Data(Data::Text),
        true,
    );
    socket.send(Message::Frame(endless)).await;
    let ended = timeout(SOON, async {
        while socket.frames.next().await.is_some() {}
    });
    ended.await.expect("an end");
    let entry = written("Still here.");
    other
        .say(push_frame(ann.device_id, vec![entry.clone()]))
        .await;
    let result = answer(&mut other).await;
    assert_eq!(lsn_of(&result.outcomes[&entry.op_id]), Some(1));
}

#[tokio::test]
async fn a_push_is_taken_on_a_socket_at_its_limit() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let (mut socket, _) = live(&ann).await;
    let frame = push_frame(ann.device_id, vec![written("x"); 1]);
    let full = format!("{frame}{}", " ".repeat(PUSH_BYTES_MAX - frame.len()));
    socket.say(full).await;
    assert_eq!(answer(&mut socket).await.outcomes.len(), 1);
    let full: Vec<_> = (0..PUSH_CHANGES_MAX).map(|_| written("x")).collect();
    socket.say(push_frame(ann.device_id, full)).await;
    assert_eq!(answer(&mut socket).await.outcomes.len(), PUSH_CHANGES_MAX);
}

#[tokio::test]
async fn a_socket_is_opened_only_by_a_page_of_this_site_with_a_session() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let nobody = world.visitor();
    let refused = |opened: Result<Socket, u16>| opened.err();
    let base = ann.base.as_str();
    assert_eq!(refused(Socket::try_open(&nobody, base).await), Some(401));
    for origin in ["https://evil.example", "null", "http://127.0.0.1", ""] {
        let opened = Socket::try_open(&ann, origin).await;
        assert_eq!(refused(opened), Some(403), "{origin}");
    }
    // What else a request says of its site makes no difference, nor does saying nothing.
    let cookies = ann.cookies();
    let kinds: [&[(&str, &str)]; 3] = [
        &[("sec-fetch-site", "same-origin")],
        &[
            ("sec-fetch-site", "same-origin"),
            ("origin", "https://evil.example"),
        ],
        &[],
    ];
    for headers in kinds {
        let mut headers = headers.to_vec();
        headers.push(("cookie", &cookies));
        assert_eq!(handshake(base, &headers).await.err(), Some(403));
    }
    let plain = ann.http.get(world.url("/api/sync/socket")).send().await;
    let plain = plain.expect("an answer");
    assert_eq!(plain.status().as_u16(), 400);
    assert!(plain.text().await.expect("words").contains("not_a_socket"));
}

#[tokio::test]
async fn who_offers_another_protocol_than_a_socket_is_answered_without_it() {
    let world = World::open().await;
    let visitor = world.visitor();
    let cases = [
        ("h2c", 200),
        ("foo/2, bar", 200),
        ("WebSocket", 403),
        ("h2c, websocket", 403),
    ];
    for (offer, status) in cases {
        let offered = visitor.http.get(world.url("/healthz"));
        let offered = offered.header("connection", "upgrade");
        let answer = offered.header("upgrade", offer).send().await;
        assert_eq!(answer.expect(offer).status().as_u16(), status, "{offer}");
    }
}

#[tokio::test]
async fn nothing_is_written_on_a_socket_whose_session_has_ended() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let (mut socket, _) = live(&ann).await;
    // Behind the back of the stream: nobody pokes it.
    world.execute("DELETE FROM sessions").await;
    socket
        .say(push_frame(ann.device_id, vec![written("Too late.")]))
        .await;
    assert_eq!(last_error(&mut socket).await, "no_session");
    assert_eq!(world.end_of(&account).await, 0);
}

#[tokio::test]
async fn a_ping_is_answered_and_who_says_no_hello_is_not_waited_for() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let headers = [("origin", ann.base.as_str()), ("cookie", &ann.cookies())];
    let mut socket = handshake(&ann.base, &headers).await.expect("a socket");
    let began = Instant::now();
    futures_util::SinkExt::send(&mut socket, Message::Ping("rain".into()))
        .await
        .expect("sent");
    let mut heard = Vec::new();
    let ended = timeout(Duration::from_secs(12), async {
        while let Some(Ok(message)) = futures_util::StreamExt::next(&mut socket).await {
            heard.push(message);
        }
    });
    ended.await.expect("an end");
    assert_eq!(heard[0], Message::Pong("rain".into()));
    let Some(Message::Text(text)) = heard.get(1) else {
        panic!("{heard:?}")
    };
    assert!(text.contains("body_incomplete"), "{text}");
    assert!(matches!(heard.last(), Some(Message::Close(_))), "{heard:?}");
    let waited = began.elapsed();
    assert!(waited > Duration::from_secs(9), "{waited:?}");
}
