//! A button on what only the browser makes. Written out in a view, each button would be a type of
//! its own, with all the code that goes with it; made here, they share one.

use crate::weight::{Lean, Leaner, changing};
use leptos::prelude::*;

/// A button that is being described; [`Self::press`] makes it.
pub(crate) struct Button {
    label: &'static str,
    id: &'static str,
    class: &'static str,
    kind: &'static str,
    name: Option<String>,
    busy: Option<RwSignal<bool>>,
}

impl Button {
    /// A plain button. `id` is its name for programs.
    pub(crate) const fn new(label: &'static str, id: &'static str) -> Self {
        Self {
            label,
            id,
            class: "button",
            kind: "button",
            name: None,
            busy: None,
        }
    }

    /// Dressed otherwise.
    pub(crate) fn dressed(self, class: &'static str) -> Self {
        Self { class, ..self }
    }

    /// Called otherwise for who hears the page.
    pub(crate) fn named(self, name: String) -> Self {
        let name = Some(name);
        Self { name, ..self }
    }

    /// Shown as busy while it is.
    pub(crate) fn busy(self, busy: RwSignal<bool>) -> Self {
        let busy = Some(busy);
        Self { busy, ..self }
    }

    /// The button that sends its form.
    pub(crate) fn submit(self) -> Lean {
        let kind = "submit";
        Self { kind, ..self }.made(Box::new(|| ()))
    }

    /// The button that does this when it is pressed.
    pub(crate) fn press(self, act: impl FnMut() + Send + 'static) -> Lean {
        self.made(Box::new(act))
    }

    fn made(self, mut act: Box<dyn FnMut() + Send>) -> Lean {
        let busy = self.busy;
        let busy = changing(move || busy.is_some_and(|busy| busy.get()).then_some("true"));
        view! {
            <button
                class=self.class
                type=self.kind
                data-testid=self.id
                aria-label=self.name
                aria-busy=busy
                on:click=move |_| act()
            >
                {self.label}
            </button>
        }
        .lean()
    }
}
