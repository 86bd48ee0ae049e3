//! Drives the engine for one person's journal: gives it what happened, has its effects performed
//! ([`crate::perform`]), and decides nothing.

use crate::browser;
use crate::desk::Outward;
use crate::leader::Lead;
use crate::providers;
use crate::storage::StorageError;
use crate::storage::connection::Connection;
use crate::storage::registry::{Registry as Accounts, open_journal};
use crate::storage::upkeep::Cleared;
use crate::tabs::{News, Want};
use crate::timers::Timers;
use domain::RULES;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use sync::device::event::{Event, Input};
use sync::device::outbox::LocalChange;
use sync::device::state::State;
use sync::device::status::connectivity;
use sync::device::step::step;
use sync::frame::ServerFrame;
use sync::id::Id;
use sync::local::{Account, Edit, Ended};
use sync::provider::registry::Registry;
use sync::provider::{Reply, Sink};
use sync::scope::Markers;
use wasm_bindgen_futures::spawn_local;

/// One open journal.
pub(crate) struct Host {
    account: Account,
    build: String,
    pub(crate) outward: Rc<Outward>,
    connection: RefCell<Rc<Connection>>,
    closed: Cell<bool>,
    /// Empty only while a step is being taken, and in a tab that does not lead.
    state: RefCell<Option<State>>,
    /// What happened while effects were being performed; each has its turn when they all are.
    events: RefCell<VecDeque<Event>>,
    turning: Cell<bool>,
    lead: RefCell<Option<Lead>>,
    pub(crate) timers: Timers,
    pub(crate) providers: RefCell<Registry>,
    /// The changes that were taken out for the present push.
    pub(crate) taken: RefCell<Vec<LocalChange>>,
    /// How far clearing out has come.
    pub(crate) cleared: RefCell<Cleared>,
}

impl Host {
    /// Opens a person's journal and asks for the lead over its link. `build` is the running one.
    pub(crate) async fn open(
        account: Account,
        build: String,
        outward: Rc<Outward>,
    ) -> Result<Rc<Self>, StorageError> {
        let connection = Rc::new(open_journal(&account).await?);
        let host = Rc::new(Self {
            account,
            build,
            outward,
            connection: RefCell::new(connection.clone()),
            closed: Cell::new(false),
            state: RefCell::default(),
            events: RefCell::default(),
            turning: Cell::new(false),
            lead: RefCell::default(),
            timers: Timers::default(),
            providers: RefCell::new(providers::all()),
            taken: RefCell::default(),
            cleared: RefCell::default(),
        });
        // Before anybody writes: the first commit gives the device its name.
        connection.device(browser::mint()).await?;
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
        // Closed because it is being removed: opening it would make it anew.
        let current = Accounts::open().await?.current().await?;
        if current.is_none_or(|current| current.id != self.account.id) {
            return Err(StorageError::Left);
        }
        let fresh = Rc::new(open_journal(&self.account).await?);
        self.connection.replace(fresh.clone());
        Ok(fresh)
    }

    /// Ends everything and closes the database.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.timers.clear_all();
        self.state.replace(None);
        // The streams end with their providers.
        self.providers.take();
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
        let captured = self
            .connection()
            .await?
            .write(browser::mint(), id, edits, drop_draft)
            .await?;
        self.outward.changed(&changed, false);
        for hook in &captured {
            self.outward.hook(hook);
        }
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

    /// Does what a page wants, if this tab leads.
    pub(crate) fn want(self: &Rc<Self>, want: Want) {
        self.dispatch(match want {
            Want::Now => Event::Woken,
            Want::Connect { provider } => {
                if let Some(id) = provider {
                    self.use_provider(&id);
                }
                Event::ConnectAsked
            }
            Want::Disconnect { reason } => Event::DisconnectAsked { reason },
            Want::Reset => Event::ResetAsked,
            Want::RetryRefused => Event::RetryAsked,
            Want::Verify => Event::VerifyAsked,
        });
    }

    /// Whether there is a provider of this name.
    pub(crate) fn has_provider(&self, id: &str) -> bool {
        self.providers.borrow().list().contains(&id)
    }

    /// Goes by way of this provider from now on. The one before lets its stream go: the engine
    /// speaks to the new one only.
    fn use_provider(&self, id: &str) {
        let link = self.state.borrow().as_ref().map(|state| state.link);
        let mut providers = self.providers.borrow_mut();
        let present = providers
            .active()
            .filter(|provider| provider.id() != id)
            .zip(link);
        if let Some((present, link)) = present {
            present.unsubscribe(link);
        }
        // A tab of another build may name one that is not here: then nothing changes.
        let _ = providers.set_active(id);
    }

    /// This device, in a tab that leads.
    pub(crate) fn device_id(&self) -> Option<Id> {
        self.state.borrow().as_ref().map(|state| state.device_id)
    }

    /// Whether the engine stands where these markers say.
    pub(crate) fn stands_at(&self, markers: &Markers) -> bool {
        let state = self.state.borrow();
        state
            .as_ref()
            .is_some_and(|state| state.markers == *markers)
    }

    /// Gives the engine an event, if this tab leads, and performs what it wants done. What
    /// happens while that is being performed waits for its turn, so that effects keep their
    /// order.
    pub(crate) fn dispatch(self: &Rc<Self>, event: Event) {
        self.events.borrow_mut().push_back(event);
        if self.turning.replace(true) {
            return;
        }
        loop {
            let next = self.events.borrow_mut().pop_front();
            let Some(event) = next else { break };
            let Some(state) = self.state.take() else {
                continue;
            };
            let mint = browser::mint();
            let (state, effects) = step(state, Input { mint, event });
            self.state.replace(Some(state));
            for effect in effects {
                self.perform(effect);
            }
        }
        self.turning.set(false);
    }

    /// Where providers hand their replies.
    pub(crate) fn sink(self: &Rc<Self>) -> Sink {
        let host = Rc::downgrade(self);
        Sink::new(move |reply| {
            if let Some(host) = host.upgrade() {
                host.hear(reply);
            }
        })
    }

    fn hear(self: &Rc<Self>, reply: Reply) {
        if let Some(why) = ended_by(&reply) {
            self.outward.session_ended(why);
        }
        self.dispatch(match reply {
            Reply::Opened(link) => Event::LinkOpened { link },
            Reply::Frame(link, frame) => Event::FrameArrived { link, frame },
            Reply::Closed(link, failure) => Event::LinkClosed { link, failure },
            Reply::Pushed(Ok(result)) => Event::PushAnswered(result),
            Reply::Pushed(Err(failure)) => Event::PushFailed(failure),
            Reply::Verified(Ok(verified)) => Event::Verified(verified),
            Reply::Verified(Err(failure)) => Event::NotVerified(failure),
            // The engine lives on a stream and pulls nothing.
            Reply::Pulled(_) => return,
        });
    }

    async fn led(self: Rc<Self>) {
        if self.closed.get() {
            return;
        }
        // Read anew: another tab may have led until now.
        let stored = match self.connection().await {
            Ok(connection) => connection.stored(&self.build).await,
            Err(error) => Err(error),
        };
        match stored {
            Ok(stored) if !self.closed.get() => {
                self.state.replace(Some(State::new(RULES, stored)));
                self.dispatch(Event::Led);
                // A page that opens without a network hears no event that says so.
                if !browser::has_network() {
                    self.dispatch(Event::NetworkLost);
                }
            }
            Ok(_) => {}
            Err(error) => self.outward.storage_failed(&error),
        }
    }
}

/// Whether a reply says that the session was ended for this device, and why.
fn ended_by(reply: &Reply) -> Option<Ended> {
    match reply {
        Reply::Frame(_, ServerFrame::Error(error)) => Ended::by(&error.code),
        Reply::Closed(_, failure)
        | Reply::Pushed(Err(failure))
        | Reply::Pulled(Err(failure))
        | Reply::Verified(Err(failure)) => Ended::by(failure.code()),
        _ => None,
    }
}
