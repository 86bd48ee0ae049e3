//! Several servers over one database: what is written on one reaches the streams of the others.

use crate::order::Unsaid;
use crate::said::{entries, written};
use crate::world::{SOON, World};
use app::account::Device;
use sqlx::Row as _;
use std::time::Duration;
use sync::frame::ServerFrame;
use sync::limits::{HEARTBEAT_JITTER_MS, HEARTBEAT_MS};
use sync::scope::Markers;
use tokio::time::{Instant, sleep, timeout};

fn is_change(frame: &ServerFrame) -> bool {
    matches!(frame, ServerFrame::Change(_))
}

#[tokio::test]
async fn what_is_written_on_one_node_reaches_a_stream_on_another_at_once() {
    let world = World::on_postgres().await;
    let other = world.another_node().await;
    let (ann, _) = world.person("ann").await;
    let mut here = ann.stream(Markers::default()).await;
    let mut there = ann.at(&other).stream(Markers::default()).await;
    here.until_live().await;
    there.until_live().await;
    for (number, writer) in [ann.clone(), ann.at(&other)].iter().enumerate() {
        let entry = written(&format!("On node {number}."));
        writer.push_one(&entry).await;
        for stream in [&mut here, &mut there] {
            let news = stream.until(is_change).await;
            assert_eq!(entries(&news)[0].key, entry.key);
        }
    }
    other.end().await;
}

#[tokio::test]
async fn nodes_end_no_session_of_each_other() {
    let world = World::on_postgres().await;
    let other = world.another_node().await;
    let (ann, account) = world.person("ann").await;
    for _ in 0..3 {
        for node in [ann.clone(), ann.at(&other)] {
            assert_eq!(node.who_am_i().await, Some(account.clone()));
        }
    }
    // Nor does one that hashes with other parameters than those of today.
    let database = world.database().await;
    let renewed = sqlx::query("UPDATE users SET password_hash = password_hash || 'x'");
    renewed.execute(&database).await.expect("another hash");
    assert_eq!(ann.at(&other).who_am_i().await, Some(account));
    other.end().await;
}

#[tokio::test]
async fn signing_out_on_one_node_ends_the_stream_on_another() {
    let world = World::on_postgres().await;
    let other = world.another_node().await;
    let (ann, _) = world.person("ann").await;
    let mut there = ann.at(&other).stream(Markers::default()).await;
    there.until_live().await;
    assert_eq!(ann.call("sign_out", &[]).await.0, 200);
    let ended = there.until(|frame| matches!(frame, ServerFrame::Error(_)));
    assert_eq!(ended.await.len(), 1);
    assert_eq!(there.next().await, None);
}

#[tokio::test]
async fn a_device_that_is_revoked_on_one_node_hears_of_it_on_another() {
    let world = World::on_postgres().await;
    let other = world.another_node().await;
    let (ann, _) = world.person("ann").await;
    let phone = world.other_device("ann").await;
    let mut there = phone.at(&other).stream(Markers::default()).await;
    there.until_live().await;
    let (_, devices) = ann.call("devices", &[]).await;
    let devices: Vec<Device> = serde_json::from_str(&devices).expect("devices");
    let lost = devices.iter().find(|device| !device.here).expect("another");
    let lost = lost.id.to_string();
    assert_eq!(ann.call("revoke_device", &[("device", &lost)]).await.0, 200);
    let said = there.until(|frame| matches!(frame, ServerFrame::Error(_)));
    let Some(ServerFrame::Error(error)) = said.await.pop() else {
        unreachable!("it was looked for")
    };
    assert_eq!(error.code, "revoked_erase");
    let (status, body) = phone.at(&other).call("who_am_i", &[]).await;
    assert!(
        status == 401 && body.contains("\"revoked_erase\""),
        "{body}"
    );
}

#[tokio::test]
async fn a_node_whose_ear_was_cut_off_listens_again_and_has_missed_nothing() {
    let world = World::on_postgres().await;
    let other = world.another_node().await;
    let (ann, _) = world.person("ann").await;
    let mut there = ann.at(&other).stream(Markers::default()).await;
    there.until_live().await;
    for number in 0..3 {
        let cut = sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND query LIKE 'LISTEN%'",
        );
        let cut = cut.fetch_all(&world.database().await).await.expect("cut");
        assert!(
            cut.iter().all(|row| row.get(0)) && cut.len() == 2,
            "{number}"
        );
        let entry = written(&format!("Unheard of {number}."));
        ann.push_one(&entry).await;
        let news = there.until(is_change).await;
        assert_eq!(entries(&news)[0].key, entry.key);
        // Both have found their way back before the next cut.
        both_listen(&world).await;
    }
}

async fn both_listen(world: &World) {
    let listening = "SELECT count(*) FROM pg_stat_activity \
                     WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    let database = world.database().await;
    let both = async {
        while sqlx::query_scalar::<_, i64>(listening)
            .fetch_one(&database)
            .await
            .expect("a count")
            < 2
        {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, both).await.expect("both listen again");
}

#[tokio::test]
async fn a_node_whose_connections_were_all_cut_says_so_and_goes_on() {
    let world = World::on_postgres().await;
    let (ann, account) = world.person("ann").await;
    let store = world.store().await;
    let unsaid = Unsaid::begin(&store, &account, &written("Never committed.")).await;
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let cut = sqlx::query(cut).fetch_all(&world.database().await).await;
    assert!(cut.expect("cut").len() > 2);
    let error = unsaid.0.commit().await.expect_err("no connection");
    assert_eq!(
        (error.status().as_u16(), error.code()),
        (503, "database_away")
    );
    let outcome = ann.push_one(&written("Soon after.")).await;
    assert_eq!(crate::said::lsn_of(&outcome), Some(1));
    store.close().await;
}

#[tokio::test]
async fn what_nobody_told_of_is_found_at_the_next_heartbeat() {
    let world = World::open().await;
    let (ann, account) = world.person("ann").await;
    let mut events = ann.stream(Markers::default()).await;
    events.until_live().await;
    let began = Instant::now();
    // Another program writes, and says nothing.
    let store = world.store().await;
    let entry = written("Said by nobody.");
    Unsaid::begin(&store, &account, &entry).await.commit().await;
    let limit = Duration::from_millis(HEARTBEAT_MS + HEARTBEAT_JITTER_MS) + SOON;
    let news = events.until_within(limit, is_change).await;
    assert_eq!(entries(&news)[0].key, entry.key);
    let least = Duration::from_millis(HEARTBEAT_MS - HEARTBEAT_JITTER_MS - 1_000);
    assert!(began.elapsed() > least, "somebody told of it");
    store.close().await;
}
