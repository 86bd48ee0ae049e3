//! Keys in, saves out: an entry's edits save themselves after a pause, and at once when the
//! page is left.

use super::typed::{Save, Text, Typed, Unfit};
use crate::live::{Client, Kept, Mutation, insert, update, use_client, use_mutation};
use crate::words;
use domain::JournalEntry;
use domain::kinds::{Markdown, Title};
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::time::Duration;
use sync::id::Id;
use sync::local::{Answer, Ask, Edit, Failure};
use sync::table::read_field;
use sync::value::Fields;

/// How long after the last key an edit is saved.
const PAUSE_MS: u64 = 600;

/// How long after a save that failed another one is tried.
const AGAIN_MS: u64 = 5_000;

/// The editing of one entry.
#[derive(Clone, Copy)]
pub(super) struct Editing {
    id: Id,
    client: Client,
    mutation: Mutation,
    entry: Memo<Option<Kept<JournalEntry>>>,
    typed: StoredValue<Typed>,
    title: RwSignal<String>,
    body: RwSignal<String>,
    unsaved: RwSignal<bool>,
    problem: RwSignal<Option<String>>,
    clock: StoredValue<Option<TimeoutHandle>>,
    saving: StoredValue<bool>,
    /// What does not fit into an entry was kept as a draft.
    drafted: StoredValue<bool>,
}

impl Editing {
    /// Begins with the entry of this key, as soon as it is there.
    pub(super) fn begin(id: Id, entry: Memo<Option<Kept<JournalEntry>>>) -> Self {
        let editing = Self {
            id,
            client: use_client(),
            mutation: use_mutation(),
            entry,
            typed: StoredValue::new(Typed::default()),
            title: RwSignal::new(String::new()),
            body: RwSignal::new(String::new()),
            unsaved: RwSignal::new(false),
            problem: RwSignal::new(None),
            clock: StoredValue::new(None),
            saving: StoredValue::new(false),
            drafted: StoredValue::new(false),
        };
        Effect::new(move |before: Option<bool>| {
            let here = entry.with(|kept| {
                kept.as_ref()
                    .map(|kept| editing.row_came(&kept.row))
                    .is_some()
            });
            if here && before != Some(true) {
                editing.restore_draft();
            }
            here || before == Some(true)
        });
        editing
    }

    /// The entry's key.
    pub(super) const fn id(self) -> Id {
        self.id
    }

    /// The title on the page.
    pub(super) const fn title(self) -> RwSignal<String> {
        self.title
    }

    /// The words on the page.
    pub(super) const fn body(self) -> RwSignal<String> {
        self.body
    }

    /// Why what is typed is not saved. Tracked.
    pub(super) fn problem(self) -> Option<String> {
        self.problem.get()
    }

    /// Whether there are keys that are not on the disk. Tracked.
    pub(super) fn has_unsaved_keys(self) -> bool {
        self.unsaved.get()
    }

    /// A key was pressed and the signals hold the text with it.
    pub(super) fn key_pressed(self) {
        let text = Text {
            title: self.title.get_untracked(),
            body: self.body.get_untracked(),
        };
        self.typed.update_value(|typed| typed.typed(text));
        self.show_state();
        self.save_in(PAUSE_MS);
    }

    /// Saves what is unsaved, without waiting for a pause.
    pub(super) fn save_now(self) {
        self.forget_clock();
        let to_save = self
            .typed
            .try_with_value(Typed::to_save)
            .unwrap_or(Ok(None));
        match to_save {
            Ok(None) => {
                self.problem.try_set(None);
            }
            Ok(Some(save)) => self.send(save),
            Err(unfit) => self.keep_what_does_not_fit(unfit),
        }
    }

    fn row_came(self, row: &JournalEntry) {
        let text = Text {
            title: row.title.0.clone(),
            body: row.body.0.clone(),
        };
        let shown = self.typed.try_update_value(|typed| typed.row_came(text));
        if shown == Some(true) {
            self.show_text();
        }
        self.show_state();
    }

    fn show_text(self) {
        let Some(text) = self.typed.try_with_value(|typed| typed.text().clone()) else {
            return;
        };
        self.title.try_set(text.title);
        self.body.try_set(text.body);
    }

    fn show_state(self) {
        let unsaved = self
            .typed
            .try_with_value(Typed::is_unsaved)
            .unwrap_or_default();
        if self.unsaved.try_get_untracked() != Some(unsaved) {
            self.unsaved.try_set(unsaved);
        }
        if !unsaved && self.problem.try_with_untracked(Option::is_some) == Some(true) {
            self.problem.try_set(None);
        }
    }

    fn save_in(self, ms: u64) {
        self.forget_clock();
        let save = move || {
            self.clock.try_set_value(None);
            // One save at a time, while there is time: the next one carries what this one misses.
            if self.saving.try_get_value() == Some(true) {
                self.save_in(PAUSE_MS);
            } else {
                self.save_now();
            }
        };
        let clock = set_timeout_with_handle(save, Duration::from_millis(ms)).ok();
        self.clock.try_set_value(clock);
    }

    fn forget_clock(self) {
        if let Some(clock) = self.clock.try_update_value(Option::take).flatten() {
            clock.clear();
        }
    }

    fn send(self, save: Save) {
        let edit = update::<JournalEntry>(self.id, &save.fields);
        let drafted = self.drafted.try_get_value().unwrap_or_default();
        let kept = self.mutation.keep(vec![edit], drafted.then(|| self.slot()));
        let whole = self.whole_entry(&save.text);
        self.saving.try_set_value(true);
        spawn_local(async move {
            let mut result = kept.await;
            if let (Err(failure), Some(whole)) = (&result, whole)
                && failure.code == "no_such_row"
            {
                // It was deleted elsewhere while somebody was writing: the words win.
                result = self
                    .mutation
                    .keep(vec![whole], drafted.then(|| self.slot()))
                    .await;
            }
            self.saving.try_set_value(false);
            match result {
                Ok(()) => self.saved(save.text),
                Err(failure) => self.not_saved(&failure),
            }
        });
    }

    fn saved(self, text: Text) {
        self.typed.try_update_value(|typed| typed.saved(text));
        self.drafted.try_set_value(false);
        self.problem.try_set(None);
        self.show_state();
    }

    fn not_saved(self, failure: &Failure) {
        if self
            .problem
            .try_set(Some(failure.message.clone()))
            .is_none()
        {
            self.save_in(AGAIN_MS);
        }
    }

    /// The entry as it would be with this text, as far as it is known.
    fn whole_entry(self, text: &Text) -> Option<Edit> {
        let row = self.entry.try_get_untracked().flatten()?.row;
        let title = Title(text.title.clone());
        let body = Markdown(text.body.clone());
        Some(insert(&JournalEntry { title, body, ..row }))
    }

    /// Where what does not fit into the entry is kept.
    fn slot(self) -> String {
        format!("entry-{}", self.id)
    }

    fn keep_what_does_not_fit(self, unfit: Unfit) {
        let problem = match unfit {
            Unfit::Blank => words::NEEDS_WORDS,
            Unfit::TooLong => words::TOO_LONG,
            Unfit::TitleTooLong => words::TITLE_TOO_LONG,
        };
        self.problem.try_set(Some(problem.into()));
        if unfit == Unfit::Blank {
            return;
        }
        let Some(text) = self.typed.try_with_value(|typed| typed.text().clone()) else {
            return;
        };
        let fields = [("title", text.title), ("body", text.body)]
            .map(|(name, text)| (name.to_owned(), text.as_str().into()));
        self.drafted.try_set_value(true);
        self.client.tell(Ask::SaveDraft {
            slot: self.slot(),
            fields: fields.into(),
        });
    }

    /// Puts what did not fit last time back onto the page.
    fn restore_draft(self) {
        let answer = self.client.ask(Ask::ReadDraft { slot: self.slot() });
        spawn_local(async move {
            let Ok(Answer::Draft(Some(fields))) = answer.await else {
                return;
            };
            let unsaved = self.typed.try_with_value(Typed::is_unsaved);
            let Some(text) = text_of(&fields).filter(|_| unsaved == Some(false)) else {
                return;
            };
            self.typed.try_update_value(|typed| typed.typed(text));
            self.drafted.try_set_value(true);
            self.show_text();
            self.show_state();
            self.save_now();
        });
    }
}

fn text_of(fields: &Fields) -> Option<Text> {
    let title: Title = read_field(fields, "title").ok()?;
    let body: Markdown = read_field(fields, "body").ok()?;
    Some(Text {
        title: title.0,
        body: body.0,
    })
}
