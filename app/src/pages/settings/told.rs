//! What the server tells of the account, asked for when the page opens and after each change.

use crate::account::AccountError;
use crate::parts::button::Button;
use crate::weight::{Lean, Leaner, changing, whenever};
use crate::words::settings;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::pin::Pin;

/// Asks the server, and shows what it told.
type Asking = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<Lean, AccountError>>>>>;

/// A place for what was told last, or for why it was not.
#[derive(Clone, Copy)]
pub(super) struct Told {
    asking: StoredValue<Option<Asking>, LocalStorage>,
    /// What is to be shown next; the number says that it is there.
    next: StoredValue<Option<Lean>, LocalStorage>,
    number: RwSignal<u32>,
}

impl Told {
    /// An empty place.
    pub(super) fn new() -> Self {
        Self {
            asking: StoredValue::new_local(None),
            next: StoredValue::new_local(None),
            number: RwSignal::new(0),
        }
    }

    /// The place, for what `ask` brings as soon as the page is there.
    pub(super) fn filled_by<F>(self, ask: impl Fn() -> F + 'static) -> Lean
    where
        F: Future<Output = Result<Lean, AccountError>> + 'static,
    {
        self.asking
            .set_value(Some(Box::new(move || Box::pin(ask()))));
        whenever(move || self.ask_again());
        let content = changing(move || {
            self.number.track();
            self.next.try_update_value(Option::take).flatten()
        });
        view! { <div class="told">{content}</div> }.lean()
    }

    /// Asks again. What was told before stands until the answer is here.
    pub(super) fn ask_again(self) {
        let answer = self
            .asking
            .try_with_value(|asking| asking.as_ref().map(|ask| ask()));
        let Some(answer) = answer.flatten() else {
            return;
        };
        spawn_local(async move {
            let shown = match answer.await {
                Ok(shown) => shown,
                Err(error) => self.trouble(&error),
            };
            self.next.try_set_value(Some(shown));
            self.number.try_update(|number| *number += 1);
        });
    }

    fn trouble(self, error: &AccountError) -> Lean {
        view! {
            <div class="notice" role="status" data-testid="not-told" data-code=error.code()>
                <p>{error.to_string()}</p>
                {Button::new(settings::TRY_AGAIN, "ask-again")
                    .dressed("button quiet")
                    .press(move || self.ask_again())}
            </div>
        }
        .lean()
    }
}
