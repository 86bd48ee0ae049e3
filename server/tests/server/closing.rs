//! Whatever ends a person's sessions closes what is open under them at once, on every node.

use crate::ways::{Way, each_way};
use crate::ways_back::{codes, recover, reset, token_in, with_mail};
use crate::world::World;
use sync::scope::Markers;

const NEW: &str = "snow on the slate roof";

each_way! {
    who_comes_back_by_a_code_closes_what_was_open,
    who_comes_back_by_a_mailed_link_closes_what_was_open,
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
