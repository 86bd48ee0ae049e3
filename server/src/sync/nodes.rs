//! Nodes that share one database wake each other's streams.
//!
//! What one of them says may be lost: nobody waits for it, and a connection may break. Then a
//! stream finds what is new at its next heartbeat, and [`holding`](super::holding) that its session
//! has ended.

use super::fanout::{Fanout, Poked};
use crate::clock::{new_id, random_below};
use crate::error::Error;
use crate::serve::Shutdown;
use crate::store::Store;
use crate::store::notices::Notice;
use std::time::Duration;
use sync::id::Id;
use tokio::time::sleep;

/// How long a node that does not hear the others waits, at most, before it first tries again.
const WAIT_MS_FIRST: u64 = 500;

/// To what that grows.
const WAIT_MS_MAX: u64 = 10_000;

/// Tells the other nodes of what happens here, and hears what happens there, until the server
/// ends. A database that nobody shares needs neither.
pub(crate) async fn run(store: Store, fanout: Fanout, poked: Poked, mut shutdown: Shutdown) {
    if !store.is_shared() {
        return;
    }
    // Without a name a node would take the others' words for its own.
    let Some(node) = new_id() else {
        tracing::error!("no randomness: other nodes are heard of at heartbeats only");
        return;
    };
    tokio::select! {
        () = tell(&store, node, poked) => {}
        () = hear(&store, node, &fanout) => {}
        () = shutdown.asked() => {}
    }
}

async fn tell(store: &Store, node: Id, mut poked: Poked) {
    while let Some(scopes) = poked.next().await {
        for scope in scopes {
            if let Err(error) = store.announce(&Notice { node, scope }).await {
                error.log();
            }
        }
    }
}

async fn hear(store: &Store, node: Id, fanout: &Fanout) {
    let mut wait_ms = WAIT_MS_FIRST;
    loop {
        match hear_until_lost(store, node, fanout, &mut wait_ms).await {
            Ok(()) => tracing::warn!("the connection for hearing other nodes was lost"),
            Err(error) => error.log(),
        }
        sleep(Duration::from_millis(random_below(wait_ms))).await;
        wait_ms = (wait_ms * 2).min(WAIT_MS_MAX);
    }
}

async fn hear_until_lost(
    store: &Store,
    node: Id,
    fanout: &Fanout,
    wait_ms: &mut u64,
) -> Result<(), Error> {
    let mut notices = store.notices().await?;
    *wait_ms = WAIT_MS_FIRST;
    // Of what was said while nobody listened here nothing is known.
    fanout.wake_all();
    while let Some(notice) = notices.next().await? {
        if notice.node != node {
            fanout.wake(&notice.scope);
        }
    }
    Ok(())
}
