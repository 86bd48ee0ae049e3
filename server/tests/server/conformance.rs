//! The suite that every provider passes, over real sockets: the server behind it is this one, and
//! the providers are the ones of a device that is no browser.

mod gateway;
mod request;
mod sse;
mod websocket;

use crate::world::{Visitor, World};
use std::rc::Rc;
use std::time::Duration;
use sync::id::Mint;
use sync::limits::{HEARTBEAT_JITTER_MS, HEARTBEAT_MS};
use sync::provider::SyncProvider;
use sync::provider::conformance::{self, CHECKS};
use sync::rules::Rules;
use tokio::task::LocalSet;
use tokio::time::sleep;

/// How long a turn is.
const TURN_MS: u64 = 5;

type MakeProvider = fn(Rc<Visitor>) -> Box<dyn SyncProvider>;

/// One person's journal on a server of its own, and one kind of way to it.
struct OverTheNetwork {
    ann: Rc<Visitor>,
    make: MakeProvider,
}

impl conformance::World for OverTheNetwork {
    fn rules(&self) -> Rules {
        domain::RULES
    }

    fn mint(&mut self) -> Mint {
        let chance = [(); 2].map(|()| server::clock::random_below(u64::MAX));
        Mint::new(server::clock::now_ms(), chance)
    }

    fn provider(&mut self) -> Box<dyn SyncProvider> {
        (self.make)(Rc::clone(&self.ann))
    }

    async fn turn(&mut self) {
        sleep(Duration::from_millis(TURN_MS)).await;
    }

    fn heartbeat_turns(&self) -> Option<u32> {
        let turns = 2 * (HEARTBEAT_MS + HEARTBEAT_JITTER_MS) / TURN_MS;
        u32::try_from(turns).ok()
    }
}

async fn passes(make: MakeProvider) {
    let world = World::open().await;
    let (ann, _) = world.person("ann").await;
    let ann = Rc::new(ann);
    let mut world = OverTheNetwork { ann, make };
    // Replies come on the thread of the one who asked, as in a browser.
    let report = LocalSet::new()
        .run_until(conformance::run(&mut world))
        .await;
    let report = report.unwrap_or_else(|failed| unreachable!("{failed}"));
    assert_eq!(report.passed_over, [], "{report}");
    assert_eq!(report.passed, CHECKS);
}

#[tokio::test]
async fn a_stream_of_events_and_requests_pass_every_check() {
    passes(|ann| Box::new(sse::Sse::of(ann))).await;
}

#[tokio::test]
async fn a_socket_passes_every_check() {
    passes(|ann| Box::new(websocket::WebSocket::of(ann))).await;
}

#[tokio::test]
async fn polling_passes_every_check() {
    passes(|ann| Box::new(gateway::Gateway::of(ann))).await;
}
