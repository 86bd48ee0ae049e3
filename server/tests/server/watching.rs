//! What an operator sees from outside: names of requests, health, and metrics.

use crate::said::written;
use crate::world::World;
use reqwest::{Client, Response};

async fn get(url: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Client::new().get(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("an answer")
}

async fn name_given(world: &World, asked: Option<&str>) -> String {
    let headers: Vec<_> = asked.iter().map(|name| ("x-request-id", *name)).collect();
    let answer = get(&world.url("/healthz"), &headers).await;
    let name = answer.headers()["x-request-id"].to_str().expect("text");
    name.to_owned()
}

#[tokio::test]
async fn every_answer_has_a_name_and_only_a_proxy_may_choose_it() {
    let world = World::open().await;
    let (one, two) = (
        name_given(&world, None).await,
        name_given(&world, None).await,
    );
    assert!(one != two && one.len() == 22, "{one} {two}");
    assert_eq!(name_given(&world, Some("proxy-7.a")).await, "proxy-7.a");
    for bad in ["", "a b", "x=1\"", &"a".repeat(65)] {
        assert_eq!(name_given(&world, Some(bad)).await.len(), 22, "{bad}");
    }
    let alone = World::open_with(|config| {
        config.trusted_proxies = "192.0.2.1".parse().expect("a network");
    })
    .await;
    assert_eq!(name_given(&alone, Some("forged")).await.len(), 22);
    let refused = world.visitor().post("/api/sync/push", "x/y", "").await;
    assert!(refused.headers().contains_key("x-request-id"));
}

#[tokio::test]
async fn guesses_are_counted_by_the_address_that_a_proxy_tells() {
    let world = World::open().await;
    let guess = async |address: &str| {
        let request = Client::new().post(world.url("/api/account/sign_in"));
        let request = request
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("x-forwarded-for", address)
            .body("email=bob%40example.org&password=a+wrong+password");
        request.send().await.expect("an answer").status().as_u16()
    };
    let mut last = 0;
    for _ in 0..=server::accounts::throttle::ATTEMPTS_BURST {
        last = guess("192.0.2.1").await;
    }
    assert_eq!(last, 429);
    assert_eq!(guess("192.0.2.2").await, 401, "somebody elsewhere may try");
    assert_eq!(
        guess("192.0.2.2, 192.0.2.1").await,
        429,
        "and cannot be pretended"
    );
}

#[tokio::test]
async fn metrics_are_for_this_machine_alone() {
    let world = World::open().await;
    let url = world.url("/metrics");
    let answer = get(&url, &[]).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = answer.text().await.expect("a body");
    assert!(text.contains("daybook_build_info{"), "{text}");
    for sign in [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-for", "127.0.0.1"),
        ("forwarded", "for=192.0.2.1"),
        ("via", "1.1 proxy"),
        ("x-real-ip", "192.0.2.1"),
        ("host", "journal.example"),
    ] {
        let answer = get(&url, &[sign]).await;
        assert_eq!(answer.status(), 404, "{sign:?}");
    }
}

#[tokio::test]
async fn metrics_with_an_address_of_their_own_are_nowhere_else() {
    let world = World::open_with(|config| {
        config.metrics_listen = Some("127.0.0.1:0".parse().expect("an address"));
    })
    .await;
    assert_eq!(get(&world.url("/metrics"), &[]).await.status(), 404);
    let aside = world.server.metrics_address.expect("an address");
    let aside = |path: &str| format!("http://{aside}{path}");
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(get(&aside(path), &[]).await.status(), 200, "{path}");
    }
    for path in ["/", "/_shell", "/api/sync/pull"] {
        assert_eq!(get(&aside(path), &[]).await.status(), 404, "{path}");
    }
    let (ann, _) = world.person("ann").await;
    ann.push_one(&written("Served as ever.")).await;
}

#[tokio::test]
async fn a_server_is_ready_only_with_a_database_of_its_own_version() {
    let world = World::open().await;
    let ready = || async { get(&world.url("/readyz"), &[]).await };
    assert_eq!(ready().await.status(), 200);
    let newer = "INSERT INTO _sqlx_migrations \
                 (version, description, success, checksum, execution_time) \
                 VALUES (9999, 'newer', TRUE, '', 1)";
    world.execute(newer).await;
    assert_eq!(ready().await.status(), 200, "a newer node beside this one");
    world
        .execute("DELETE FROM _sqlx_migrations WHERE version = 2")
        .await;
    let answer = ready().await;
    assert_eq!(answer.status(), 503);
    let body = answer.text().await.expect("a body");
    assert!(body.contains("not_migrated"), "{body}");
    assert_eq!(get(&world.url("/healthz"), &[]).await.status(), 200);
    world.execute("DROP TABLE _sqlx_migrations").await;
    assert_eq!(ready().await.status(), 503);
}
