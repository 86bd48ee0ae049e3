//! Clearing out what has served its time: tombstones, outcomes, texts and revisions, of one scope
//! after the other, in short transactions between everybody's writing.

use super::fanout::Fanout;
use crate::clock::now_ms;
use crate::error::Error;
use crate::serve::Shutdown;
use crate::store::collect::Collected;
use crate::store::{ScopeKey, Store};
use crate::telemetry::metrics::COLLECTED_ROWS;
use metrics::counter;
use std::time::Duration;
use sync::hub::collect::Retention;
use tokio::time::{MissedTickBehavior, interval};

/// How often a pass is made; the first at the start.
pub const EVERY: Duration = Duration::from_secs(60 * 60);

/// How many rows of each kind one transaction clears out.
pub const BATCH_ROWS_MAX: u32 = 200;

/// How many transactions one pass spends on one scope; what is left waits for the next pass.
pub const BATCHES_MAX: u32 = 50;

/// How many scopes are looked up at a time.
const SCOPES_MAX: u32 = 100;

/// Makes a pass now and every hour, until the server ends. A pass that is cut off by the end
/// leaves nothing half done.
pub(crate) async fn run(
    store: Store,
    fanout: Fanout,
    retention: Retention,
    mut shutdown: Shutdown,
) {
    let mut hours = interval(EVERY);
    hours.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = hours.tick() => {}
            () = shutdown.asked() => return,
        }
        tokio::select! {
            passed = pass(&store, &fanout, now_ms(), retention) => log(&passed),
            () = shutdown.asked() => return,
        }
    }
}

fn log(passed: &Result<Collected, Error>) {
    if let Ok(collected) = passed {
        count(collected);
    }
    match passed {
        Ok(collected) if *collected == Collected::default() => tracing::debug!("nothing to clear"),
        Ok(collected) => tracing::info!(
            revisions = collected.revisions,
            tombstones = collected.tombstones,
            outcomes = collected.outcomes,
            texts = collected.texts,
            devices = collected.devices,
            "cleared out"
        ),
        Err(error) => error.log(),
    }
}

fn count(collected: &Collected) {
    let kinds = [
        ("revisions", collected.revisions),
        ("tombstones", collected.tombstones),
        ("outcomes", collected.outcomes),
        ("texts", collected.texts),
        ("devices", collected.devices),
    ];
    for (kind, rows) in kinds {
        counter!(COLLECTED_ROWS, "kind" => kind).increment(rows);
    }
}

/// Clears out all scopes once, and wakes those who are to hear of it. Tells what is gone.
///
/// # Errors
/// The database failed. What was cleared out before stays so; the next pass does the rest.
pub async fn pass(
    store: &Store,
    fanout: &Fanout,
    now_ms: u64,
    retention: Retention,
) -> Result<Collected, Error> {
    let mut collected = Collected::default();
    let mut last: Option<ScopeKey> = None;
    loop {
        let scopes = store.scopes_after(last.as_ref(), SCOPES_MAX).await?;
        for scope in &scopes {
            collected += pass_one(store, fanout, scope, now_ms, retention).await?;
        }
        last = scopes.into_iter().next_back();
        if last.is_none() {
            return Ok(collected);
        }
    }
}

async fn pass_one(
    store: &Store,
    fanout: &Fanout,
    scope: &ScopeKey,
    now_ms: u64,
    retention: Retention,
) -> Result<Collected, Error> {
    let mut collected = Collected::default();
    for _ in 0..BATCHES_MAX {
        let some = store.collect(scope, now_ms, retention, BATCH_ROWS_MAX);
        let some = some.await?;
        collected += some;
        if some.revisions > 0 {
            fanout.poke(scope);
        }
        if !some.is_cut_off(BATCH_ROWS_MAX) {
            break;
        }
    }
    Ok(collected)
}
