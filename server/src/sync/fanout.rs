//! Who wants to be woken when a scope changes. A poke carries no data: it says "look again", and
//! what there is to see is read from the database.

use crate::store::ScopeKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, mpsc};

/// How many pokes may wait for other nodes to be told. What does not fit is not told.
const POKED_MAX: usize = 1_000;

/// The listeners of every scope that has some, and who tells other nodes.
#[derive(Clone, Debug, Default)]
pub struct Fanout {
    listeners: Arc<Mutex<Listeners>>,
    others: Option<mpsc::Sender<ScopeKey>>,
}

/// The scopes that were poked here, for whoever tells other nodes.
#[derive(Debug)]
pub struct Poked(mpsc::Receiver<ScopeKey>);

#[derive(Debug, Default)]
struct Listeners {
    next: u64,
    by_scope: BTreeMap<ScopeKey, BTreeMap<u64, Arc<Notify>>>,
}

/// One listener. Pokes that come while it is not waiting are kept as one.
#[derive(Debug)]
pub struct Listener {
    fanout: Fanout,
    name: u64,
    scopes: Vec<ScopeKey>,
    poked: Arc<Notify>,
}

impl Fanout {
    /// A fan-out whose pokes other nodes can be told of.
    #[must_use]
    pub fn told() -> (Self, Poked) {
        let (others, poked) = mpsc::channel(POKED_MAX);
        let fanout = Self {
            others: Some(others),
            ..Self::default()
        };
        (fanout, Poked(poked))
    }

    /// Listens to these scopes from now on.
    #[must_use]
    pub fn listen(&self, scopes: Vec<ScopeKey>) -> Listener {
        let poked = Arc::new(Notify::new());
        let mut listeners = self.lock();
        let name = listeners.next;
        listeners.next += 1;
        for scope in &scopes {
            let listening = listeners.by_scope.entry(scope.clone()).or_default();
            listening.insert(name, Arc::clone(&poked));
        }
        drop(listeners);
        Listener {
            fanout: self.clone(),
            name,
            scopes,
            poked,
        }
    }

    /// Wakes everybody who listens to this scope, here and, as far as they can be told, on other
    /// nodes. Never waits.
    pub fn poke(&self, scope: &ScopeKey) {
        self.wake(scope);
        if let Some(others) = &self.others {
            // Full, or nobody tells: the others find out by themselves, what is new at their next
            // heartbeats, and that a session has ended when they look for that.
            let _ = others.try_send(scope.clone());
        }
    }

    /// Wakes everybody who listens to this scope here.
    pub fn wake(&self, scope: &ScopeKey) {
        if let Some(listening) = self.lock().by_scope.get(scope) {
            for poked in listening.values() {
                // Keeps one permit when nobody waits just now, so no poke is lost.
                poked.notify_one();
            }
        }
    }

    /// Wakes everybody here.
    pub fn wake_all(&self) {
        for poked in self.lock().by_scope.values().flat_map(BTreeMap::values) {
            poked.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Listeners> {
        // Every change of the map is whole before anything could panic.
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Poked {
    /// The scopes poked since the last time, each once, as soon as there is one; nothing once no
    /// more can come.
    pub async fn next(&mut self) -> Option<BTreeSet<ScopeKey>> {
        let mut scopes = BTreeSet::from([self.0.recv().await?]);
        while let Ok(scope) = self.0.try_recv() {
            scopes.insert(scope);
        }
        Some(scopes)
    }
}

impl Listener {
    /// What wakes it.
    pub(super) fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.poked)
    }

    /// Waits for the next poke.
    pub async fn poked(&self) {
        self.poked.notified().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut listeners = self.fanout.lock();
        for scope in &self.scopes {
            if let Some(listening) = listeners.by_scope.get_mut(scope) {
                listening.remove(&self.name);
                if listening.is_empty() {
                    listeners.by_scope.remove(scope);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use sync::id::Id;
    use tokio::time::timeout;

    async fn is_poked(listener: &Listener) -> bool {
        timeout(Duration::from_millis(20), listener.poked())
            .await
            .is_ok()
    }

    #[tokio::test]
    async fn a_poke_wakes_the_listeners_of_its_scope_and_no_others() {
        let (fanout, ann, bob) = people();
        let hers = fanout.listen(vec![ann.clone(), ScopeKey::library()]);
        let his = fanout.listen(vec![bob, ScopeKey::library()]);
        fanout.poke(&ann);
        assert!(is_poked(&hers).await);
        assert!(!is_poked(&his).await);
        fanout.poke(&ScopeKey::library());
        assert!(is_poked(&hers).await && is_poked(&his).await);
    }

    #[tokio::test]
    async fn pokes_while_nobody_waits_are_kept_as_one() {
        let (fanout, ann, _) = people();
        let listener = fanout.listen(vec![ann.clone()]);
        fanout.poke(&ann);
        fanout.poke(&ann);
        assert!(is_poked(&listener).await);
        assert!(!is_poked(&listener).await);
    }

    #[tokio::test]
    async fn nothing_stays_of_a_listener_that_is_gone() {
        let (fanout, ann, bob) = people();
        let one = fanout.listen(vec![ann.clone()]);
        let two = fanout.listen(vec![ann, bob]);
        drop(one);
        assert_eq!(fanout.lock().by_scope.len(), 2);
        drop(two);
        assert!(fanout.lock().by_scope.is_empty());
    }

    #[tokio::test]
    async fn other_nodes_are_told_of_a_poke_and_not_of_what_they_told_us() {
        let (fanout, mut poked) = Fanout::told();
        let (_, ann, bob) = people();
        let hers = fanout.listen(vec![ann.clone()]);
        fanout.wake(&ann);
        fanout.poke(&bob);
        fanout.poke(&bob);
        assert!(is_poked(&hers).await);
        assert_eq!(poked.next().await, Some([bob].into()));
        fanout.wake_all();
        assert!(is_poked(&hers).await);
        // Nobody tells any more, and poking goes on all the same.
        drop(poked);
        fanout.poke(&ann);
        assert!(is_poked(&hers).await);
    }

    fn people() -> (Fanout, ScopeKey, ScopeKey) {
        let own = |number| ScopeKey::own(Id::from_u128(number));
        (Fanout::default(), own(1), own(2))
    }
}
