//! What is not taken: each refusal has its code and leaves no trace.

use crate::said::{hello, own, push_frame, written};
use crate::world::{PASSWORD, Visitor, World};
use reqwest::Body;
use reqwest::header::{CONTENT_ENCODING, HOST, ORIGIN, UPGRADE};
use sync::digest::Digest;
use sync::frame::{
    Acknowledged, Bye, DeviceFrame, Digests, Hello, Push, ServerError, ServerFrame, Verify,
};
use sync::limits::{HELLO_BYTES_MAX, PUSH_BYTES_MAX, PUSH_CHANGES_MAX};
use sync::scope::{Marker, Markers};

const JSON: &str = "application/json";

async fn check(visitor: &Visitor, path: &str, body: impl Into<Body>, status: u16, code: &str) {
    let answer = visitor.post(path, JSON, body).await;
    let found = answer.status().as_u16();
    let text = answer.text().await.expect("a body");
    let error: ServerError = serde_json::from_str(&text).expect("an error in words");
    assert_eq!(
        (found, error.code.as_str()),
        (status, code),
        "{path}: {text}"
    );
    assert!(error.message.len() > 20, "{text}");
}

#[tokio::test]
async fn a_push_that_is_not_understood_is_refused_with_a_code_and_changes_nothing() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    ann.push_one(&written("before")).await;
    let good = push_frame(ann.device_id, vec![written("x")]);
    let many = vec![written("x"); PUSH_CHANGES_MAX + 1];
    let cases = [
        (String::new(), 400, "bad_frame"),
        ("[]".to_owned(), 400, "bad_frame"),
        ("{\"v\":1}".to_owned(), 400, "bad_frame"),
        (good.replace("\"push\"", "\"shove\""), 400, "bad_frame"),
        (
            good.replace("{\"push\":{", "{\"push\":{\"z\":1,"),
            400,
            "bad_frame",
        ),
        (
            good.replace("\"v\":1", "\"v\":2"),
            400,
            "version_unsupported",
        ),
        (ann.hello(Markers::default()), 400, "unexpected_frame"),
        (push_frame(ann.device_id, many), 400, "too_many_changes"),
        ("x".repeat(PUSH_BYTES_MAX + 1), 413, "body_too_large"),
        ("[".repeat(100_000), 400, "bad_frame"),
    ];
    for (body, status, code) in cases {
        check(&ann, "/api/sync/push", body, status, code).await;
    }
    check(
        &ann,
        "/api/sync/push",
        vec![0xff, 0xfe, b'{'],
        400,
        "bad_frame",
    )
    .await;
    assert_eq!(world.end_of(&account).await, 1);
}

#[tokio::test]
async fn a_body_is_taken_at_its_limit() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let padded = format!(
        "{}{}",
        push_frame(ann.device_id, vec![]),
        " ".repeat(PUSH_BYTES_MAX)
    );
    assert_eq!(
        ann.push_frame(padded[..PUSH_BYTES_MAX].to_owned()).await.0,
        200
    );
    let full = (0..PUSH_CHANGES_MAX).map(|_| written("x")).collect();
    assert_eq!(ann.push(full).await.outcomes.len(), PUSH_CHANGES_MAX);
}

#[tokio::test]
async fn a_hello_that_is_not_understood_is_refused_with_a_code() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let unknown = DeviceFrame::Hello(Hello {
        device_id: ann.device_id,
        markers: Markers::default(),
        tables: vec!["nowhere".into()],
        schema_version: domain::SCHEMA.version,
        device_time_ms: 0,
    });
    for path in ["/api/sync/stream", "/api/sync/pull"] {
        check(&ann, path, unknown.encode(), 400, "unknown_table").await;
        check(
            &ann,
            path,
            push_frame(ann.device_id, vec![]),
            400,
            "unexpected_frame",
        )
        .await;
        check(
            &ann,
            path,
            "x".repeat(HELLO_BYTES_MAX + 1),
            413,
            "body_too_large",
        )
        .await;
        check(&ann, path, "nonsense", 400, "bad_frame").await;
    }
}

fn ack(visitor: &Visitor) -> DeviceFrame {
    DeviceFrame::Ack(Acknowledged {
        device_id: visitor.device_id,
        positions: [(own(), Marker::START)].into(),
    })
}

fn bye(visitor: &Visitor) -> DeviceFrame {
    DeviceFrame::Bye(Bye {
        device_id: visitor.device_id,
        reason: "closed".into(),
    })
}

fn verify(visitor: &Visitor, table: &str) -> DeviceFrame {
    let tables = [(table.to_owned(), Digest::default())];
    DeviceFrame::Verify(Verify {
        device_id: visitor.device_id,
        markers: Markers::default(),
        digests: Digests::from([(own(), tables.into())]),
    })
}

#[tokio::test]
async fn each_address_takes_its_own_frames_and_no_others() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let push = DeviceFrame::Push(Push {
        device_id: ann.device_id,
        changes: vec![],
        schema_version: domain::SCHEMA.version,
        device_time_ms: 0,
    });
    let heartbeat = DeviceFrame::Heartbeat {};
    let frames = [
        push,
        ack(&ann),
        verify(&ann, "prompts"),
        bye(&ann),
        heartbeat,
    ];
    let taken: [(&str, &[&str]); 5] = [
        ("/api/sync/push", &["push"]),
        ("/api/sync/pull", &[]),
        ("/api/sync/stream", &[]),
        ("/api/sync/cursor", &["ack", "bye"]),
        ("/api/sync/verify", &["verify"]),
    ];
    for (path, kinds) in taken {
        for frame in &frames {
            if kinds.contains(&frame.kind()) {
                let status = ann.post_frame(path, frame).await.status();
                assert!(status.is_success(), "{path} {}", frame.kind());
            } else {
                check(&ann, path, frame.encode(), 400, "unexpected_frame").await;
            }
        }
        check(&ann, path, "nonsense", 400, "bad_frame").await;
    }
    for path in ["/api/sync/push", "/api/sync/cursor", "/api/sync/verify"] {
        let hello = ann.hello(Markers::default());
        check(&ann, path, hello, 400, "unexpected_frame").await;
    }
    let nowhere = verify(&ann, "nowhere").encode();
    check(&ann, "/api/sync/verify", nowhere, 400, "unknown_table").await;
    for path in ["/api/sync/cursor", "/api/sync/verify"] {
        let long = "x".repeat(HELLO_BYTES_MAX + 1);
        check(&ann, path, long, 413, "body_too_large").await;
    }
}

#[tokio::test]
async fn an_app_of_another_version_is_asked_to_update_and_changes_nothing() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    for version in [0, domain::SCHEMA.version + 1] {
        let push = DeviceFrame::Push(Push {
            device_id: ann.device_id,
            changes: vec![written("x")],
            schema_version: version,
            device_time_ms: server::clock::now_ms(),
        });
        check(
            &ann,
            "/api/sync/push",
            push.encode(),
            426,
            "update_required",
        )
        .await;
        let hello = hello(ann.device_id, Markers::default(), version);
        let answer = ann.post("/api/sync/pull", JSON, hello).await;
        let body = answer.text().await.expect("a body");
        assert!(body.contains("update_required"), "{body}");
    }
    assert_eq!(world.end_of(&account).await, 0);
}

#[tokio::test]
async fn without_a_session_only_the_library_can_be_read() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    ann.push_one(&written("Ann's words.")).await;
    let nobody = world.visitor();
    let body = push_frame(nobody.device_id, vec![written("x")]);
    check(&nobody, "/api/sync/push", body, 401, "no_session").await;
    check(&nobody, "/api/sync/push", "nonsense", 401, "no_session").await;
    let hello = nobody.hello(Markers::default());
    check(&nobody, "/api/sync/stream", hello, 401, "no_session").await;
    for (path, frame) in [
        ("/api/sync/cursor", ack(&nobody)),
        ("/api/sync/cursor", bye(&nobody)),
        ("/api/sync/verify", verify(&nobody, "journal_entries")),
    ] {
        check(&nobody, path, frame.encode(), 401, "no_session").await;
        check(&nobody, path, "nonsense", 401, "no_session").await;
    }
    let frames = nobody.pull(Markers::default()).await;
    let mut prompts = 0;
    for frame in &frames {
        if let ServerFrame::Delta(delta) = frame {
            assert_eq!(
                (delta.scope.as_str(), delta.table.as_str()),
                ("library", "prompts")
            );
            prompts += delta.rows.len();
        }
    }
    assert!(prompts >= 40, "{prompts}");
    assert!(matches!(frames.last(), Some(ServerFrame::DeltaComplete {})));
    assert_eq!(world.end_of(&account).await, 1);
}

#[tokio::test]
async fn another_sites_page_changes_nothing_even_with_the_cookie() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let body = push_frame(ann.device_id, vec![written("forged")]);
    let cases: [&[(&str, &str)]; 5] = [
        &[],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://evil.example")],
        &[("origin", "null")],
    ];
    for path in [
        "/api/sync/push",
        "/api/account/sign_out",
        "/api/sync/stream",
        "/api/sync/cursor",
        "/api/sync/verify",
        "/",
        "/nowhere",
    ] {
        for headers in cases {
            let mut request = ann.http.post(world.url(path)).body(body.clone());
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = request.send().await.expect("an answer");
            assert_eq!(answer.status().as_u16(), 403, "{path} {headers:?}");
            assert!(answer.text().await.expect("a body").contains("cross_site"));
        }
    }
    let handshake = ann.http.get(world.url("/")).header(UPGRADE, "websocket");
    let answer = handshake.send().await.expect("an answer");
    assert_eq!(
        answer.status().as_u16(),
        403,
        "a stream both ways begins with a GET"
    );
    // A plain-HTTP browser that says its origin and nothing else is let in.
    let host = world.server.address.to_string();
    let request = ann.http.post(world.url("/api/sync/push")).body(body);
    let request = request
        .header(ORIGIN, format!("http://{host}"))
        .header(HOST, host);
    assert_eq!(
        request.send().await.expect("an answer").status().as_u16(),
        200
    );
    assert_eq!(world.end_of(&account).await, 1);
    assert_eq!(ann.who_am_i().await, Some(account));
}

#[tokio::test]
async fn a_compressed_body_is_refused() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let request = ann.http.post(world.url("/api/sync/push")).body("bomb");
    let request = request
        .header(CONTENT_ENCODING, "gzip")
        .header("sec-fetch-site", "same-origin");
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 415);
    assert!(
        answer
            .text()
            .await
            .expect("a body")
            .contains("content_encoding")
    );
}

#[tokio::test]
async fn accounts_are_changed_by_post_alone_and_in_small_requests() {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    for function in ["sign_up", "sign_in", "sign_out", "who_am_i"] {
        let url = world.url(&format!("/api/account/{function}?email=a&password=b"));
        let answer = ann.http.get(url).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 405, "{function}");
        assert!(
            answer
                .text()
                .await
                .expect("a body")
                .contains("method_not_allowed")
        );
    }
    assert!(ann.who_am_i().await.is_some());
    let long = PASSWORD.repeat(1_000);
    let (status, body) = ann.sign_in("ann@example.org", &long).await;
    assert_eq!(status, 413, "{body}");
    assert_eq!(ann.call("nothing", &[]).await.0, 404);
}
