//! Drives the engine for one person's journal: gives it what happened, performs its effects,
//! and decides nothing.

use crate::browser;
use crate::desk::Outward;
use crate::leader::Lead;
use crate::providers::sse::{self, Stream};
use crate::storage::StorageError;
use crate::storage::connection::Connection;
use crate::storage::registry::open_journal;
use crate::tabs::News;
use crate::timers::Timers;
use domain::SCHEMA;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use sync::device::effect::{Answer, Committed, Effect, Link, Page, SyncEvent, Timer};
use sync::device::event::{Event, Input};
use sync::device::outbox::LocalChange;
use sync::device::state::State;
use sync::device::status::connectivity;
use sync::device::step::step;
use sync::frame::{Hello, Push};
use sync::id::Id;
use sync::local::{Account, Edit, Notice};
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;

/// One open journal.
pub(crate) struct Host {
    account: Account,
    outward: Rc<Outward>,
    connection: RefCell<Rc<Connection>>,
    closed: Cell<bool>,
    /// Empty only while a step is being taken, and in a tab that does not lead.
    state: RefCell<Option<State>>,
    lead: RefCell<Option<Lead>>,
    timers: Timers,
    abort: RefCell<Option<AbortController>>,
    stream: RefCell<Option<Rc<Stream>>>,
    taken: RefCell<Vec<LocalChange>>,
}

impl Host {
    /// Opens a person's journal and asks for the lead over its link.
    pub(crate) async fn open(
        account: Account,
        outward: Rc<Outward>,
    ) -> Result<Rc<Self>, StorageError> {
        let connection = Rc::new(open_journal(&account).await?);
        let host = Rc::new(Self {
            account,
            outward,
            connection: RefCell::new(connection.clone()),
            closed: Cell::new(false),
            state: RefCell::default(),
            lead: RefCell::default(),
            timers: Timers::default(),
            abort: RefCell::default(),
            stream: RefCell::default(),
            taken: RefCell::default(),
        });
        // Before anybody writes: the first commit gives the device its name.
        connection.stored(browser::mint()).await?;
        let leading = Rc::downgrade(&host);
        let lead = Lead::wish(connection.name(), move || {
            if let Some(host) = leading.upgrade() {
                spawn_local(async move { host.led().await });
            }
        });
        host.lead.replace(Some(lead));
        host.outward.tabs().tell(&News::AskConnectivity);
        Ok(host)
    }

    /// Whose journal this is.
    pub(crate) const fn account(&self) -> &Account {
        &self.account
    }

    /// Whether this tab runs the link.
    pub(crate) fn is_leading(&self) -> bool {
        self.state.borrow().is_some()
    }

    /// The database, opened again if the browser has closed it.
    pub(crate) async fn connection(&self) -> Result<Rc<Connection>, StorageError> {
        let present = self.connection.borrow().clone();
        if !present.is_closed() || self.closed.get() {
            return Ok(present);
        }
        let fresh = Rc::new(open_journal(&self.account).await?);
        self.connection.replace(fresh.clone());
        Ok(fresh)
    }

    /// Ends everything and closes the database.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.timers.clear_all();
        self.close_link();
        self.state.replace(None);
        self.lead.replace(None);
        self.connection.borrow().close();
    }

    /// Keeps a person's edits, tells every tab, and lets the engine send them.
    pub(crate) async fn write(
        self: &Rc<Self>,
        id: Id,
        edits: Vec<Edit>,
        drop_draft: Option<String>,
    ) -> Result<(), StorageError> {
        let changed: Vec<_> = edits
            .iter()
            .map(|e| (e.table.clone(), vec![e.key]))
            .collect();
        self.connection()
            .await?
            .write(browser::mint(), id, edits, drop_draft)
            .await?;
        self.outward.changed(&changed, false);
        self.outward.tabs().tell(&News::Written);
        self.recount().await;
        Ok(())
    }

    /// Something was written, here or in another tab.
    pub(crate) async fn recount(self: &Rc<Self>) {
        if !self.is_leading() {
            return;
        }
        let counted = match self.connection().await {
            Ok(connection) => connection.count_outbox().await,
            Err(error) => Err(error),
        };
        if let Ok(outbox) = counted {
            self.dispatch(Event::OutboxGrew(outbox));
        }
    }

    /// Says again how the connection stands, for a tab that has just opened.
    pub(crate) fn tell_connectivity(&self) {
        if let Some(state) = &*self.state.borrow() {
            self.outward.connectivity(connectivity(state));
        }
    }

    /// Gives the engine an event, if this tab leads.
    pub(crate) fn dispatch(self: &Rc<Self>, event: Event) {
        let Some(state) = self.state.take() else {
            return;
        };
        let (state, effects) = step(
            state,
            Input {
                mint: browser::mint(),
                event,
            },
        );
        self.state.replace(Some(state));
        for effect in effects {
            self.perform(effect);
        }
    }

    async fn led(self: Rc<Self>) {
        if self.closed.get() {
            return;
        }
        // Read anew: another tab may have led until now.
        let stored = match self.connection().await {
            Ok(connection) => connection.stored(browser::mint()).await,
            Err(error) => Err(error),
        };
        match stored {
            Ok(stored) => {
                self.state.replace(Some(State::new(&SCHEMA, stored)));
                self.dispatch(Event::Led);
                // A page that opens without a network hears no event that says so.
                if !browser::has_network() {
                    self.dispatch(Event::NetworkLost);
                }
            }
            Err(error) => self.outward.storage_failed(&error),
        }
    }

    fn perform(self: &Rc<Self>, effect: Effect) {
        match effect {
            Effect::OpenLink { link, hello } => self.open_link(link, hello),
            Effect::CloseLink { .. } => self.close_link(),
            Effect::ReadFrame { link } => self.read_frame(link),
            Effect::StorePage { link, page } => self.store_page(link, page),
            Effect::TakeOutbox => self.take_outbox(),
            Effect::Push => self.push(),
            Effect::Settle(answer) => self.settle(answer),
            Effect::ForgetMarkers => self.forget_markers(),
            Effect::StoreOffset { offset_ms } => self.store_offset(offset_ms),
            Effect::SetTimer { timer, at_ms } => self.set_timer(timer, at_ms),
            Effect::ClearTimer { timer } => self.timers.clear(timer),
            Effect::TellConnectivity(connectivity) => self.outward.connectivity(connectivity),
            Effect::TellAuthExpired => {
                self.outward.notice(Notice::AuthExpired);
                self.outward.tabs().tell(&News::AuthExpired);
            }
            Effect::Tell(event) => self.outward.event(&event),
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

    fn open_link(self: &Rc<Self>, link: Link, hello: Hello) {
        self.close_link();
        let Ok(abort) = AbortController::new() else {
            return;
        };
        self.abort.replace(Some(abort.clone()));
        let host = self.clone();
        spawn_local(async move {
            match sse::open(hello, abort.clone()).await {
                Ok(stream) if !abort.signal().aborted() => {
                    host.stream.replace(Some(Rc::new(stream)));
                    host.dispatch(Event::LinkOpened { link });
                }
                Ok(_) => {}
                Err(failure) => host.dispatch(Event::LinkClosed { link, failure }),
            }
        });
    }

    fn close_link(&self) {
        self.stream.replace(None);
        if let Some(abort) = self.abort.take() {
            abort.abort();
        }
    }

    fn read_frame(self: &Rc<Self>, link: Link) {
        let Some(stream) = self.stream.borrow().clone() else {
            return;
        };
        let host = self.clone();
        spawn_local(async move {
            match stream.next().await {
                Ok(frame) => host.dispatch(Event::FrameArrived { link, frame }),
                Err(failure) => host.dispatch(Event::LinkClosed { link, failure }),
            }
        });
    }

    fn store_page(self: &Rc<Self>, link: Link, page: Page) {
        let host = self.clone();
        spawn_local(async move {
            let stored = match host.connection().await {
                Ok(connection) => connection.store_page(browser::mint(), &page).await,
                Err(error) => Err(error),
            };
            match stored {
                Ok(committed) => {
                    host.outward.changed(&committed.changed, true);
                    host.dispatch(Event::PageStored { link, committed });
                }
                Err(error) => {
                    host.dispatch(Event::PageRefused {
                        link,
                        reason: error.to_string(),
                    });
                }
            }
        });
    }

    fn take_outbox(self: &Rc<Self>) {
        let host = self.clone();
        spawn_local(async move {
            let taken = match host.connection().await {
                Ok(connection) => connection.take_outbox(browser::now_ms()).await,
                Err(error) => Err(error),
            };
            match taken {
                Ok(taken) => {
                    let count = taken.changes.len();
                    host.taken.replace(taken.changes);
                    host.dispatch(Event::OutboxTaken {
                        taken: count,
                        outbox: taken.outbox,
                    });
                }
                Err(_) => host.dispatch(Event::SettleFailed),
            }
        });
    }

    fn push(self: &Rc<Self>) {
        let Some(device_id) = self.state.borrow().as_ref().map(|state| state.device_id) else {
            return;
        };
        let changes = self
            .taken
            .borrow()
            .iter()
            .map(|local| local.change.clone())
            .collect();
        let push = Push {
            device_id,
            changes,
            device_time_ms: browser::now_ms(),
        };
        let host = self.clone();
        spawn_local(async move {
            match sse::push(push).await {
                Ok(result) => host.dispatch(Event::PushAnswered(result)),
                Err(failure) => host.dispatch(Event::PushFailed(failure)),
            }
        });
    }

    fn settle(self: &Rc<Self>, answer: Answer) {
        let host = self.clone();
        spawn_local(async move {
            let pushed = host.taken.take();
            let settled = match host.connection().await {
                Ok(connection) => connection.settle(browser::mint(), &pushed, &answer).await,
                Err(error) => Err(error),
            };
            match settled {
                Ok(committed) => host.settled(committed),
                Err(_) => host.dispatch(Event::SettleFailed),
            }
        });
    }

    fn settled(self: &Rc<Self>, committed: Committed) {
        self.outward.changed(&committed.changed, false);
        self.dispatch(Event::Settled(committed));
    }

    fn forget_markers(self: &Rc<Self>) {
        self.store_aside(async |connection| connection.forget_markers().await);
    }

    fn store_offset(self: &Rc<Self>, offset_ms: i64) {
        self.store_aside(async move |connection| connection.store_offset(offset_ms).await);
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
