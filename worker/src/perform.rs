//! Performs the engine's effects: on the store, by way of the active provider, towards the pages.

use crate::browser;
use crate::host::Host;
use crate::storage::StorageError;
use crate::storage::connection::Connection;
use crate::tabs::News;
use domain::RULES;
use std::rc::Rc;
use sync::device::effect::{Answer, Effect, Link, Page, SyncEvent, Timer};
use sync::device::event::{Event, Refused};
use sync::device::pick::push_of;
use sync::device::retry::LinkFailure;
use sync::local::Notice;
use sync::provider::SyncProvider;
use sync::scope::Lsn;
use wasm_bindgen_futures::spawn_local;

/// How often the digests are taken while pages arrive in between, before it is given up.
const DIGEST_TRIES_MAX: u32 = 3;

impl Host {
    /// Performs one effect, or begins to.
    pub(crate) fn perform(self: &Rc<Self>, effect: Effect) {
        match effect {
            Effect::OpenLink { .. }
            | Effect::CloseLink { .. }
            | Effect::ReadFrame { .. }
            | Effect::SayBye(_)
            | Effect::Push
            | Effect::Verify(_)
            | Effect::Acknowledge(_) => self.ask_server(effect),
            Effect::StorePage { link, page, pass } => self.store_page(link, page, pass),
            Effect::TakeOutbox { limit } => self.take_outbox(limit),
            Effect::Settle(answer) => self.settle(answer),
            Effect::CountOutbox => {
                let host = self.clone();
                spawn_local(async move { host.recount().await });
            }
            Effect::RetryRefused => self.retry_refused(),
            Effect::BeginRebuild(rebuild, markers) => self.store_aside(async move |connection| {
                connection.begin_rebuild(rebuild, &markers).await
            }),
            Effect::FinishRebuild => self.finish_rebuild(),
            Effect::Sweep => self.sweep(),
            Effect::Collect => self.collect(),
            Effect::TakeDigests => self.take_digests(),
            Effect::StoreOffset { offset_ms } => {
                self.store_aside(async move |connection| connection.store_offset(offset_ms).await);
            }
            Effect::SetTimer { timer, at_ms } => self.set_timer(timer, at_ms),
            Effect::ClearTimer { timer } => self.timers.clear(timer),
            Effect::TellConnectivity(connectivity) => self.outward.connectivity(connectivity),
            Effect::TellAuthExpired => {
                self.outward.notice(Notice::AuthExpired);
                self.outward.tabs().tell(&News::AuthExpired);
            }
            Effect::Tell(event) => self.outward.event(&event),
            Effect::Raise(hook) => self.outward.hook(&hook),
        }
    }

    /// Hands an effect to the active provider; without one, the server is out of reach.
    fn ask_server(self: &Rc<Self>, effect: Effect) {
        let mut providers = self.providers.borrow_mut();
        match providers.active() {
            Some(provider) => self.ask_by(provider, effect),
            None => {
                drop(providers);
                let failure = LinkFailure::Unreachable;
                match effect {
                    Effect::OpenLink { link, .. } => {
                        self.dispatch(Event::LinkClosed { link, failure });
                    }
                    Effect::Push => self.dispatch(Event::PushFailed(failure)),
                    Effect::Verify(_) => self.dispatch(Event::NotVerified(failure)),
                    _ => {}
                }
            }
        }
    }

    fn ask_by(self: &Rc<Self>, provider: &mut dyn SyncProvider, effect: Effect) {
        match effect {
            Effect::OpenLink { link, hello } => provider.subscribe(link, hello, self.sink()),
            Effect::CloseLink { link } => provider.unsubscribe(link),
            Effect::ReadFrame { link } => provider.read(link),
            Effect::SayBye(bye) => provider.bye(bye),
            Effect::Push => {
                if let Some(device_id) = self.device_id() {
                    let taken = self.taken.borrow();
                    let push = push_of(&RULES, device_id, &taken, browser::now_ms());
                    provider.push(push, self.sink());
                }
            }
            Effect::Verify(verify) => provider.verify(verify, self.sink()),
            Effect::Acknowledge(acknowledged) => provider.update_cursor(acknowledged),
            _ => {}
        }
    }

    fn set_timer(self: &Rc<Self>, timer: Timer, at_ms: u64) {
        let host = Rc::downgrade(self);
        let delay_ms = at_ms.saturating_sub(browser::now_ms());
        self.timers.set(timer, delay_ms, move || {
            if let Some(host) = host.upgrade() {
                host.dispatch(Event::TimerFired(timer));
            }
        });
    }

    fn store_page(self: &Rc<Self>, link: Link, page: Page, pass: Vec<Lsn>) {
        let host = self.clone();
        spawn_local(async move {
            let stored = match host.connection().await {
                Ok(connection) => connection.store_page(browser::mint(), &page, &pass).await,
                Err(error) => Err(Refused::from(error)),
            };
            host.dispatch(match stored {
                Ok(committed) => {
                    host.outward.changed(&committed.changed, true);
                    Event::PageStored { link, committed }
                }
                Err(refused) => Event::PageRefused { link, refused },
            });
        });
    }

    fn take_outbox(self: &Rc<Self>, limit: usize) {
        let now_ms = browser::now_ms();
        self.with_store(
            async move |connection| connection.take_outbox(now_ms, limit).await,
            |host, taken| match taken {
                Ok(taken) => {
                    let count = taken.changes.len();
                    host.taken.replace(taken.changes);
                    Event::OutboxTaken {
                        taken: count,
                        outbox: taken.outbox,
                    }
                }
                Err(_) => Event::SettleFailed,
            },
        );
    }

    fn settle(self: &Rc<Self>, answer: Answer) {
        let pushed = self.taken.take();
        self.with_store(
            async move |connection| connection.settle(browser::mint(), &pushed, &answer).await,
            |host, settled| match settled {
                Ok(committed) => {
                    host.outward.changed(&committed.changed, false);
                    Event::Settled(committed)
                }
                Err(_) => Event::SettleFailed,
            },
        );
    }

    fn retry_refused(self: &Rc<Self>) {
        self.with_store(
            async |connection| connection.retry_refused(browser::mint()).await,
            |host, retried| match retried {
                Ok(committed) => {
                    host.outward.changed(&committed.changed, false);
                    Event::OutboxGrew(committed.outbox)
                }
                Err(error) => upkeep_failed(&error),
            },
        );
    }

    fn finish_rebuild(self: &Rc<Self>) {
        self.with_store(
            async |connection| connection.finish_rebuild().await,
            |host, finished| match finished {
                Ok(outbox) => {
                    // What did not come again is no longer seen.
                    let tables = RULES.schema.tables.iter();
                    let tables = tables.map(|table| table.name.to_owned()).collect();
                    host.outward.tables_changed(tables);
                    Event::RebuildFinished(outbox)
                }
                Err(error) => Event::RebuildUnfinished {
                    message: error.to_string(),
                },
            },
        );
    }

    fn sweep(self: &Rc<Self>) {
        self.with_store(
            async |connection| connection.sweep(browser::mint()).await,
            |host, swept| match swept {
                Ok(pass) => {
                    host.outward.changed(&pass.committed.changed, true);
                    Event::Swept {
                        left: pass.left,
                        outbox: pass.committed.outbox,
                    }
                }
                Err(error) => upkeep_failed(&error),
            },
        );
    }

    fn collect(self: &Rc<Self>) {
        let (now_ms, from) = (browser::now_ms(), self.cleared.take());
        self.with_store(
            async move |connection| connection.collect(now_ms, from).await,
            |host, collected| match collected {
                Ok(next) => {
                    let left = next.is_some();
                    host.cleared.replace(next.unwrap_or_default());
                    Event::Collected { left }
                }
                Err(error) => upkeep_failed(&error),
            },
        );
    }

    /// Digests say nothing without the place they were taken at: a page that is stored between
    /// the two makes them be taken again.
    fn take_digests(self: &Rc<Self>) {
        let host = self.clone();
        spawn_local(async move {
            let mut message = "rows kept arriving while the digests were taken".to_owned();
            for _ in 0..DIGEST_TRIES_MAX {
                let taken = match host.connection().await {
                    Ok(connection) => connection.digests().await,
                    Err(error) => Err(error),
                };
                match taken {
                    Ok((markers, digests)) if host.stands_at(&markers) => {
                        return host.dispatch(Event::Digested(digests));
                    }
                    Ok(_) => {}
                    Err(error) => message = error.to_string(),
                }
            }
            host.dispatch(Event::NotVerified(LinkFailure::Undecodable { message }));
        });
    }

    /// Does something with the store, and gives the engine the event that answers it.
    fn with_store<T: 'static>(
        self: &Rc<Self>,
        act: impl AsyncFnOnce(Rc<Connection>) -> Result<T, StorageError> + 'static,
        answer: impl FnOnce(&Self, Result<T, StorageError>) -> Event + 'static,
    ) {
        let host = self.clone();
        spawn_local(async move {
            let done = match host.connection().await {
                Ok(connection) => act(connection).await,
                Err(error) => Err(error),
            };
            let event = answer(&host, done);
            host.dispatch(event);
        });
    }

    /// A commit that nothing waits for; a failure shows in the next one that something does.
    fn store_aside(
        self: &Rc<Self>,
        commit: impl AsyncFnOnce(Rc<Connection>) -> Result<(), StorageError> + 'static,
    ) {
        let host = self.clone();
        spawn_local(async move {
            let stored = match host.connection().await {
                Ok(connection) => commit(connection).await,
                Err(error) => Err(error),
            };
            if let Err(error) = stored {
                let (code, message) = (error.code().to_owned(), error.to_string());
                host.outward.event(&SyncEvent::Error { code, message });
            }
        });
    }
}

fn upkeep_failed(error: &StorageError) -> Event {
    Event::UpkeepFailed {
        message: error.to_string(),
    }
}
