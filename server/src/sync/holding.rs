//! Whether the sessions still hold under which streams are open.
//!
//! Ending a session wakes its person's streams; but a session may also expire, and what one node
//! tells another may be lost. So one look for all open streams of this node, every
//! [`LOOK_EVERY`], wakes those whose session is not there any more.

use super::fanout::Listener;
use crate::clock::now_ms;
use crate::error::Error;
use crate::serve::Shutdown;
use crate::store::Store;
use crate::store::sessions::{HOLDING_MAX, SessionHash};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

/// How often is looked. PROTOCOL.md promises that a stream outlives its session by 5 s at most,
/// of which this leaves the rest for looking and closing.
pub const LOOK_EVERY: Duration = Duration::from_secs(3);

/// The sessions under which streams are open here.
#[derive(Clone, Debug, Default)]
pub struct Holding(Arc<Mutex<Streams>>);

#[derive(Debug, Default)]
struct Streams {
    next: u64,
    by_session: BTreeMap<SessionHash, BTreeMap<u64, Arc<Notify>>>,
}

/// One open stream; dropping it ends the looking for it.
#[derive(Debug)]
pub struct Held {
    holding: Holding,
    session: SessionHash,
    name: u64,
}

impl Holding {
    /// Wakes this listener as soon as its session is found not to hold.
    #[must_use]
    pub fn watch(&self, session: SessionHash, listener: &Listener) -> Held {
        let mut streams = self.lock();
        let name = streams.next;
        streams.next += 1;
        let of_session = streams.by_session.entry(session).or_default();
        of_session.insert(name, listener.bell());
        drop(streams);
        Held {
            holding: self.clone(),
            session,
            name,
        }
    }

    /// Looks once, and wakes the streams whose session has ended.
    ///
    /// # Errors
    /// The database failed; who was not looked for yet sleeps on until the next time.
    pub async fn look(&self, store: &Store, now_ms: u64) -> Result<(), Error> {
        let sessions: Vec<_> = self.lock().by_session.keys().copied().collect();
        for some in sessions.chunks(HOLDING_MAX) {
            let hold = store.holding(some, now_ms).await?;
            for ended in some.iter().filter(|session| !hold.contains(*session)) {
                self.wake(ended);
            }
        }
        Ok(())
    }

    fn wake(&self, session: &SessionHash) {
        if let Some(streams) = self.lock().by_session.get(session) {
            streams.values().for_each(|bell| bell.notify_one());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        // Every change of the map is whole before anything could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut streams = self.holding.lock();
        if let Some(of_session) = streams.by_session.get_mut(&self.session) {
            of_session.remove(&self.name);
            if of_session.is_empty() {
                streams.by_session.remove(&self.session);
            }
        }
    }
}

/// Looks again and again, until the server ends.
pub(crate) async fn run(store: Store, holding: Holding, mut shutdown: Shutdown) {
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = looks.tick() => {}
            () = shutdown.asked() => return,
        }
        tokio::select! {
            looked = holding.look(&store, now_ms()) => {
                if let Err(error) = looked {
                    error.log();
                }
            }
            () = shutdown.asked() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fanout::Fanout;
    use super::*;

    #[test]
    fn nothing_stays_of_a_stream_that_is_gone() {
        let (fanout, holding) = (Fanout::default(), Holding::default());
        let listener = fanout.listen(Vec::new());
        let one = holding.watch([1; 32], &listener);
        let same = holding.watch([1; 32], &listener);
        let other = holding.watch([2; 32], &listener);
        drop(one);
        assert_eq!(holding.lock().by_session.len(), 2);
        drop(same);
        drop(other);
        assert!(holding.lock().by_session.is_empty());
    }
}
