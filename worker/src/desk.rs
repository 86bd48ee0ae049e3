//! The worker's desk: which journal is open, and the way out to the page and the other tabs.

mod leaving;

use crate::host::Host;
use crate::rpc;
use crate::storage::StorageError;
use crate::storage::registry::Registry;
use crate::tabs::{News, Tabs, Want};
use serde::Serialize;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use sync::device::effect::SyncEvent;
use sync::device::event::Event;
use sync::device::status::Connectivity;
use sync::hooks::Hook;
use sync::id::Id;
use sync::local::{Account, Ended, FromWorker, Notice, Request};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::DedicatedWorkerGlobalScope;

/// What is open in this worker.
pub(crate) struct Desk {
    build: String,
    outward: Rc<Outward>,
    registry: RefCell<Option<Rc<Registry>>>,
    host: RefCell<Option<Rc<Host>>>,
    /// The journal is being ended from elsewhere.
    ending: Cell<bool>,
}

impl Desk {
    /// Opens the journal of whoever is signed in on this device, then says that it is ready.
    pub(crate) fn open(build: String) -> Rc<Self> {
        let desk = Rc::new_cyclic(|desk: &Weak<Self>| {
            let listening = desk.clone();
            let tabs = Tabs::open(move |news| {
                if let Some(desk) = listening.upgrade() {
                    desk.hear(news);
                }
            });
            let desk = desk.clone();
            Self {
                build,
                outward: Rc::new(Outward { tabs, desk }),
                registry: RefCell::default(),
                host: RefCell::default(),
                ending: Cell::new(false),
            }
        });
        let opening = desk.clone();
        spawn_local(async move {
            if let Err(error) = opening.open_current().await {
                opening.outward.storage_failed(&error);
            }
            opening.outward.post(&FromWorker::Ready {
                build: opening.build.clone(),
            });
            opening.pass_on_owed_sign_out();
        });
        desk
    }

    /// Takes a page's message.
    pub(crate) fn receive(self: &Rc<Self>, message: &str) {
        // Page and worker are of one build; what cannot be read is no request of ours.
        let Ok(request) = serde_json::from_str::<Request>(message) else {
            return;
        };
        let desk = self.clone();
        spawn_local(async move {
            let result = rpc::answer(&desk, request.ask).await;
            desk.outward.post(&FromWorker::Answer {
                id: request.id,
                result,
            });
        });
    }

    /// The open journal.
    pub(crate) fn host(&self) -> Option<Rc<Host>> {
        self.host.borrow().clone()
    }

    /// Who is signed in on this device.
    pub(crate) fn account(&self) -> Option<Account> {
        self.host
            .borrow()
            .as_ref()
            .map(|host| host.account().clone())
    }

    /// The other tabs.
    pub(crate) fn tabs(&self) -> &Tabs {
        self.outward.tabs()
    }

    /// The server has accepted this person's sign-in.
    pub(crate) async fn sign_in(self: &Rc<Self>, account: Account) -> Result<(), StorageError> {
        let registry = self.registry().await?;
        registry.finish_leaving().await?;
        registry.enter(&account).await?;
        self.switch(Some(account.clone())).await?;
        self.tabs().tell(&News::AccountChanged(Some(account)));
        Ok(())
    }

    /// This tab's worker is about to end: the link is let go in good order, and with the worker
    /// goes the lead.
    pub(crate) fn clean_up(&self) {
        let reason = "cleanup".to_owned();
        if let Some(host) = self.host().filter(|host| host.is_leading()) {
            host.want(Want::Disconnect { reason });
        }
    }

    async fn open_current(self: &Rc<Self>) -> Result<(), StorageError> {
        let registry = self.registry().await?;
        registry.finish_leaving().await?;
        self.switch(registry.current().await?).await
    }

    async fn registry(&self) -> Result<Rc<Registry>, StorageError> {
        let present = self.registry.borrow().clone();
        if let Some(registry) = present {
            return Ok(registry);
        }
        let registry = Rc::new(Registry::open().await?);
        self.registry.replace(Some(registry.clone()));
        Ok(registry)
    }

    /// Opens this person's journal in place of the present one. The same person again means a
    /// fresh session: the engine goes on where it was.
    async fn switch(self: &Rc<Self>, account: Option<Account>) -> Result<(), StorageError> {
        let present = self.host();
        let id = |account: &Account| account.id;
        if present.as_ref().map(|host| id(host.account())) == account.as_ref().map(id) {
            if let Some(host) = present {
                host.dispatch(Event::SignedIn);
            }
            return Ok(());
        }
        if let Some(host) = self.host.take() {
            host.close();
        }
        if let Some(account) = account {
            let host = Host::open(account, self.build.clone(), self.outward.clone()).await?;
            self.host.replace(Some(host));
        }
        Ok(())
    }

    fn hear(self: &Rc<Self>, news: News) {
        match news {
            News::Changed { tables } => self.outward.notice(Notice::TablesChanged { tables }),
            News::Connectivity(connectivity) => {
                self.outward.notice(Notice::Connectivity(connectivity));
            }
            News::AuthExpired => self.outward.notice(Notice::AuthExpired),
            News::Event { json } => self.outward.notice(Notice::SyncEvent { json }),
            News::Hook { json } => self.outward.notice(Notice::Hook { json }),
            News::AccountChanged(account) => {
                let desk = self.clone();
                spawn_local(async move {
                    match desk.switch(account.clone()).await {
                        Ok(()) => desk.outward.notice(Notice::AccountChanged(account)),
                        Err(error) => desk.outward.storage_failed(&error),
                    }
                });
            }
            News::Written | News::AskConnectivity | News::Wanted(_) => self.hear_as_leader(news),
        }
    }

    fn hear_as_leader(&self, news: News) {
        let Some(host) = self.host().filter(|host| host.is_leading()) else {
            return;
        };
        match news {
            News::Written => spawn_local(async move { host.recount().await }),
            News::Wanted(want) => host.want(want),
            _ => host.tell_connectivity(),
        }
    }
}

/// The way out: this worker's page and the other tabs.
pub(crate) struct Outward {
    tabs: Tabs,
    desk: Weak<Desk>,
}

impl Outward {
    /// The other tabs.
    pub(crate) const fn tabs(&self) -> &Tabs {
        &self.tabs
    }

    /// The server ended the session for this device.
    pub(crate) fn session_ended(&self, why: Ended) {
        if let Some(desk) = self.desk.upgrade() {
            spawn_local(async move { desk.end(why).await });
        }
    }

    /// Posts to this worker's page.
    pub(crate) fn post(&self, message: &FromWorker) {
        let scope: DedicatedWorkerGlobalScope = js_sys::global().unchecked_into();
        if let Ok(text) = serde_json::to_string(message) {
            // Posting text to one's own page fails only while both are going away.
            let _ = scope.post_message(&text.into());
        }
    }

    /// Tells this worker's page.
    pub(crate) fn notice(&self, notice: Notice) {
        self.post(&FromWorker::Notice(notice));
    }

    /// Tells every page how the connection stands.
    pub(crate) fn connectivity(&self, connectivity: Connectivity) {
        self.tabs.tell(&News::Connectivity(connectivity.clone()));
        self.notice(Notice::Connectivity(connectivity));
    }

    /// Tells whoever listens, in every tab.
    pub(crate) fn event(&self, event: &SyncEvent) {
        // Events hold names, numbers and texts: there is nothing that can fail.
        let json = serde_json::to_string(event).unwrap_or_default();
        self.tabs.tell(&News::Event { json: json.clone() });
        self.notice(Notice::SyncEvent { json });
    }

    /// Tells whoever joined the hook, in every tab.
    pub(crate) fn hook(&self, hook: &Hook) {
        #[derive(Serialize)]
        struct Raised<'a> {
            key: &'a str,
            payload: &'a Hook,
        }
        let raised = Raised {
            key: hook.key(),
            payload: hook,
        };
        // As with events, nothing can fail.
        let json = serde_json::to_string(&raised).unwrap_or_default();
        self.tabs.tell(&News::Hook { json: json.clone() });
        self.notice(Notice::Hook { json });
    }

    /// Has every page ask again for what it shows of these tables.
    pub(crate) fn tables_changed(&self, tables: Vec<String>) {
        self.tabs.tell(&News::Changed {
            tables: tables.clone(),
        });
        self.notice(Notice::TablesChanged { tables });
    }

    /// Tells every page that rows changed.
    pub(crate) fn changed(&self, changed: &[(String, Vec<Id>)], from_server: bool) {
        let tables: Vec<_> = changed.iter().map(|(table, _)| table.clone()).collect();
        if tables.is_empty() {
            return;
        }
        self.tables_changed(tables);
        for (table, keys) in changed {
            let (table, keys) = (table.clone(), keys.clone());
            self.event(&SyncEvent::Changes {
                table,
                keys,
                from_server,
            });
        }
    }

    /// Tells the page that this browser's storage does not work.
    pub(crate) fn storage_failed(&self, error: &StorageError) {
        let (code, message) = (error.code().to_owned(), error.to_string());
        self.event(&SyncEvent::Error { code, message });
    }
}
