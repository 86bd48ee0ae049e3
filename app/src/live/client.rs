//! The page's line to its data worker: requests out, answers and news in, as JSON.

use super::connectivity;
use super::news::{News, Session};
use super::public_face;
use super::requests::{Outcome, Requests};
use super::surroundings;
use super::unkept;
use crate::weight::whenever;
use crate::words;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::time::Duration;
use sync::id::Id;
use sync::limits::REQUEST_TIMEOUT_MS;
use sync::local::{Account, Answer, Ask, Failure, FromWorker, Request};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::{Closure, JsValue};
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

/// How often a worker that breaks is started again before the page gives up and says so.
const RESTARTS_MAX: u32 = 3;

/// The line. It is made once, at the root, and lives as long as the page.
#[derive(Clone, Copy)]
pub struct Client {
    requests: StoredValue<Requests, LocalStorage>,
    worker: StoredValue<Option<Worker>, LocalStorage>,
    restarts: StoredValue<u32>,
    news: News,
}

/// The line of this page.
///
/// # Panics
/// Outside of the application, which provides it.
#[must_use]
pub fn use_client() -> Client {
    expect_context::<Client>()
}

impl Client {
    /// Makes the line and gives it to everything below the caller. In the browser the worker is
    /// started; on the server nothing happens.
    pub fn provide() -> Self {
        let client = Self {
            requests: StoredValue::new_local(Requests::default()),
            worker: StoredValue::new_local(None),
            restarts: StoredValue::new(0),
            news: News::new(),
        };
        provide_context(client);
        whenever(move || {
            public_face::show(client);
            client.start();
            client.learn_who_is_here();
            surroundings::report(client);
        });
        client
    }

    /// Whose journal is open.
    #[must_use]
    pub fn session(self) -> ReadSignal<Session> {
        self.news.session.read_only()
    }

    /// Who is here, if it is known and somebody. Not tracked.
    #[must_use]
    pub fn account(self) -> Option<Account> {
        match self.news.session.get_untracked() {
            Session::Somebody(account) => Some(account),
            Session::Unknown | Session::Nobody => None,
        }
    }

    /// Why there is no worker, if there is none.
    #[must_use]
    pub fn trouble(self) -> ReadSignal<Option<Failure>> {
        self.news.trouble.read_only()
    }

    /// Whether a new build waits for this page to make room.
    #[must_use]
    pub fn update_ready(self) -> RwSignal<bool> {
        self.news.update
    }

    /// Says who is here, after the worker has agreed.
    pub fn be(self, account: Option<Account>) {
        let person = account.as_ref().map(|account| account.id);
        self.news.be(account.into());
        if let Some(person) = person {
            self.keep_what_was_left(person);
        }
    }

    /// How the connection stands, as it is shown.
    pub(super) fn shown(self) -> connectivity::Shown {
        self.news.shown
    }

    /// How often a table changed. Tracked.
    pub(super) fn changes_of(self, table: &str) -> u64 {
        self.news
            .changes
            .with(|changes| changes.get(table).copied().unwrap_or_default())
    }

    /// Asks the worker. The request is on its way when this returns, whether or not the answer
    /// is waited for: a page that is going away has no time to wait.
    ///
    /// # Errors
    /// The future's: the worker refused, broke or did not answer in time.
    pub fn ask(self, ask: Ask) -> impl Future<Output = Outcome> + 'static {
        let taken = self
            .requests
            .try_update_value(|requests| requests.take(ask));
        let outcome = taken.map(|taken| {
            if let Some(request) = taken.post {
                self.post(&request);
            }
            let id = taken.id;
            let too_late = move || {
                self.requests
                    .try_update_value(|requests| requests.time_out(id));
            };
            let limit = Duration::from_millis(REQUEST_TIMEOUT_MS);
            (taken.outcome, set_timeout_with_handle(too_late, limit).ok())
        });
        async move {
            let gone = || words::failure("page_gone", words::WORKER_BROKE);
            let Some((outcome, clock)) = outcome else {
                return Err(gone());
            };
            let outcome = outcome.await;
            if let Some(clock) = clock {
                clock.clear();
            }
            outcome.unwrap_or_else(|_| Err(gone()))
        }
    }

    /// Asks, and has no use for the answer.
    pub fn tell(self, ask: Ask) {
        let answer = self.ask(ask);
        spawn_local(async move {
            if let Err(failure) = answer.await {
                leptos::logging::warn!("{failure}");
            }
        });
    }

    /// Starts the worker again after [`Self::clean_up`]. Tells whether there is one.
    pub(super) fn initialize(self) -> bool {
        let has_worker = || self.worker.with_value(Option::is_some);
        if !has_worker() {
            self.restarts.set_value(0);
            self.requests.update_value(Requests::broke);
            self.news.trouble.set(None);
            self.start();
        }
        has_worker()
    }

    /// Ends the worker, and with it this page's part in sync, once it has let its link go in
    /// good order. What is asked meanwhile waits for [`Self::initialize`].
    pub(super) fn clean_up(self) {
        let answer = self.ask(Ask::CleanUp);
        spawn_local(async move {
            // A worker that does not answer is ended all the same.
            let _ = answer.await;
            self.stop();
            self.requests.update_value(Requests::broke);
        });
    }

    fn post(self, request: &Request) {
        let text = serde_json::to_string(request).unwrap_or_default();
        self.worker.with_value(|worker| {
            // A worker that cannot be posted to has broken, and its error says so itself.
            worker
                .as_ref()
                .map(|worker| worker.post_message(&JsValue::from_str(&text)))
        });
    }

    fn start(self) {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let url = format!("/b/{}/worker.js", build());
        let Ok(worker) = Worker::new_with_options(&url, &options) else {
            self.give_up(words::failure("no_worker", words::NO_WORKER));
            return;
        };
        let heard = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            let text = event.data().as_string().unwrap_or_default();
            match serde_json::from_str(&text) {
                Ok(message) => self.hear(message),
                Err(error) => leptos::logging::error!("the worker said {text}: {error}"),
            }
        });
        let broke = Closure::<dyn Fn(ErrorEvent)>::new(move |event: ErrorEvent| {
            leptos::logging::error!("the worker broke: {}", event.message());
            self.restart();
        });
        worker.set_onmessage(Some(heard.into_js_value().unchecked_ref()));
        worker.set_onerror(Some(broke.into_js_value().unchecked_ref()));
        self.worker.set_value(Some(worker));
    }

    fn restart(self) {
        self.stop();
        if self.restarts.get_value() >= RESTARTS_MAX {
            self.give_up(words::failure("no_worker", words::NO_WORKER));
            return;
        }
        self.restarts.update_value(|restarts| *restarts += 1);
        self.requests.update_value(Requests::broke);
        self.start();
    }

    fn stop(self) {
        if let Some(worker) = self.worker.try_update_value(Option::take).flatten() {
            worker.set_onmessage(None);
            worker.set_onerror(None);
            worker.terminate();
        }
    }

    fn give_up(self, failure: Failure) {
        self.requests
            .update_value(|requests| requests.give_up(&failure));
        self.news.trouble.set(Some(failure));
    }

    fn hear(self, message: FromWorker) {
        match message {
            FromWorker::Ready { build: theirs } if theirs == build() => {
                let kept = self.requests.try_update_value(Requests::ready);
                for request in kept.unwrap_or_default() {
                    self.post(&request);
                }
            }
            FromWorker::Ready { .. } => {
                // Two builds may not mean the same by the same words, so they do not talk.
                self.stop();
                self.news.update.set(true);
                self.give_up(words::failure("other_build", words::OTHER_BUILD));
            }
            FromWorker::Answer { id, result } => {
                self.requests
                    .update_value(|requests| requests.answer(id, result));
            }
            FromWorker::Notice(notice) => self.news.hear(notice),
        }
    }

    fn learn_who_is_here(self) {
        let answer = self.ask(Ask::Account);
        spawn_local(async move {
            match answer.await {
                Ok(Answer::Account(account)) => self.be(account),
                Ok(_) => {}
                Err(failure) => self.news.trouble.set(Some(failure)),
            }
        });
    }

    /// Asks again for what an earlier page of this person left without an answer.
    fn keep_what_was_left(self, account: Id) {
        for (mutation, ask) in unkept::left_over(account) {
            let answer = self.ask(ask);
            spawn_local(async move {
                unkept::forget(account, mutation, &answer.await);
            });
        }
    }
}

/// The build of this page, as its document says.
fn build() -> String {
    let root = document().document_element();
    root.and_then(|root| root.get_attribute("data-build"))
        .unwrap_or_default()
}
