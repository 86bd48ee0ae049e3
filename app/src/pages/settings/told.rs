//! What the server tells of the account, asked for when the page opens and after each change.

use crate::account::AccountError;
use crate::weight::{Lean, Leaner, changing, whenever};
use crate::words::settings;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::pin::Pin;

/// How the server is asked.
type Asking<T> = fn() -> Pin<Box<dyn Future<Output = Result<T, AccountError>>>>;

/// What it told last, or why it did not.
pub(super) struct Told<T: 'static> {
    ask: Asking<T>,
    last: RwSignal<Option<Result<T, AccountError>>>,
}

impl<T: 'static> Clone for Told<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: 'static> Copy for Told<T> {}

impl<T: Clone + Send + Sync + 'static> Told<T> {
    /// Asks as soon as the page is there.
    pub(super) fn new(ask: Asking<T>) -> Self {
        let told = Self {
            ask,
            last: RwSignal::new(None),
        };
        whenever(move || told.ask_again());
        told
    }

    /// Asks again. What was told before stands until the answer is here.
    pub(super) fn ask_again(self) {
        let answer = (self.ask)();
        spawn_local(async move {
            let answer = answer.await;
            self.last.try_set(Some(answer));
        });
    }

    /// What was told, as `show` shows it; or why it was not, with a way to ask again.
    pub(super) fn view(self, show: impl Fn(T) -> Lean + Send + 'static) -> Lean {
        let content = changing(move || {
            self.last.get().map(|last| match last {
                Ok(told) => show(told),
                Err(error) => self.trouble(&error),
            })
        });
        view! { <div class="told">{content}</div> }.lean()
    }

    fn trouble(self, error: &AccountError) -> Lean {
        view! {
            <div class="notice" role="status" data-testid="not-told" data-code=error.code()>
                <p>{error.to_string()}</p>
                <button class="button quiet" type="button" on:click=move |_| self.ask_again()>
                    {settings::TRY_AGAIN}
                </button>
            </div>
        }
        .lean()
    }
}
