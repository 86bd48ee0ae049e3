//! Keys in, a draft out, and one entry at the end. The draft is kept after each pause; saving,
//! hiding the page and leaving it all make the same entry of it.

use crate::live::{
    Client, Draft, Mode, Mutation, NEW_ENTRY, Session, insert, new_id, now_ms, today, use_client,
    use_mutation, use_query,
};
use crate::weight::whenever;
use crate::words;
use domain::Prompt;
use domain::kinds::{Day, Markdown, Moment, Title};
use domain::today::prompts_of_the_day;
use leptos::leptos_dom::helpers::TimeoutHandle;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::time::Duration;
use sync::id::Id;
use sync::local::{Answer, Ask, Query, Tick};
use sync::table::Synced;

/// How long after the last key the draft is kept.
const PAUSE_MS: u64 = 400;

/// The writing of a new entry.
#[derive(Clone, Copy)]
pub(super) struct Writing {
    client: Client,
    mutation: Mutation,
    /// The entry it will be, from the first key on.
    begun: StoredValue<Option<(Id, Day, Moment)>>,
    mode: RwSignal<Mode>,
    title: RwSignal<String>,
    body: RwSignal<String>,
    /// Today's prompts, in today's order.
    prompts: Memo<Vec<(Id, String)>>,
    /// The prompt that somebody turned to or began to answer.
    chosen: RwSignal<Option<(Id, String)>>,
    reached: RwSignal<Option<Option<Tick>>>,
    created: RwSignal<bool>,
    problem: RwSignal<Option<&'static str>>,
    refused: RwSignal<Option<String>>,
    clock: StoredValue<Option<TimeoutHandle>>,
    /// Counts the keys; what is kept is known by its count.
    keys: StoredValue<u64>,
    /// The count up to which it has been made an entry.
    entered: StoredValue<Option<u64>>,
}

impl Writing {
    /// Begins, with what was left unfinished last time.
    pub(super) fn begin(asked: Option<Mode>) -> Self {
        let client = use_client();
        let writing = Self {
            client,
            mutation: use_mutation(),
            begun: StoredValue::new(None),
            mode: RwSignal::new(asked.unwrap_or_default()),
            title: RwSignal::new(String::new()),
            body: RwSignal::new(String::new()),
            prompts: prompts_for(client),
            chosen: RwSignal::new(None),
            reached: RwSignal::new(None),
            created: RwSignal::new(false),
            problem: RwSignal::new(None),
            refused: RwSignal::new(None),
            clock: StoredValue::new(None),
            keys: StoredValue::new(0),
            entered: StoredValue::new(None),
        };
        whenever(move || writing.restore(asked));
        writing
    }

    pub(super) const fn mode(self) -> RwSignal<Mode> {
        self.mode
    }

    pub(super) const fn title(self) -> RwSignal<String> {
        self.title
    }

    pub(super) const fn body(self) -> RwSignal<String> {
        self.body
    }

    /// How far the draft has come.
    pub(super) const fn reached(self) -> RwSignal<Option<Option<Tick>>> {
        self.reached
    }

    /// Whether an entry was just made. Tracked.
    pub(super) fn was_created(self) -> bool {
        self.created.get()
    }

    /// Why nothing was saved. Tracked.
    pub(super) fn problem(self) -> Option<String> {
        self.problem
            .get()
            .map(ToOwned::to_owned)
            .or_else(|| self.refused.get())
    }

    /// The prompt on the page: the one somebody turned to, or else today's. Tracked.
    pub(super) fn prompt(self) -> Option<(Id, String)> {
        self.chosen
            .get()
            .or_else(|| self.prompts.with(|prompts| prompts.first().cloned()))
    }

    /// Turns to the next prompt of the day.
    pub(super) fn another_prompt(self) {
        let current = untrack(|| self.prompt()).map(|(id, _)| id);
        let next = self.prompts.with_untracked(|prompts| {
            let place = prompts.iter().position(|(id, _)| Some(*id) == current);
            let next = place.map_or(0, |place| (place + 1) % prompts.len());
            prompts.get(next).cloned()
        });
        if next.is_some() {
            self.chosen.set(next);
            self.changed();
        }
    }

    /// Turns to a prompt, or away from it.
    pub(super) fn choose(self, mode: Mode) {
        self.mode.set(mode);
        self.changed();
    }

    /// A key was pressed and the signals hold the text with it.
    pub(super) fn key_pressed(self) {
        self.created.set(false);
        self.problem.set(None);
        self.refused.set(None);
        if self.begun.with_value(Option::is_none) {
            self.begun
                .set_value(Some((new_id(), today(), Moment(now_ms()))));
            // Whoever began to answer a prompt keeps it, whatever else arrives.
            self.chosen.set(untrack(|| self.prompt()));
        }
        self.changed();
    }

    /// Saves it as an entry and gives a fresh page.
    pub(super) fn save(self) {
        self.created.set(false);
        let draft = self.draft().filter(|draft| !draft.is_blank());
        let Some(draft) = draft else {
            self.problem.set(Some(words::NEEDS_WORDS_NEW));
            return;
        };
        if let Some(problem) = too_long(&draft) {
            self.problem.set(Some(problem));
            return;
        }
        let keys = self.keys.get_value();
        let kept = self.enter(&draft);
        spawn_local(async move {
            match kept.await {
                Ok(()) if self.keys.try_get_value() == Some(keys) => self.start_afresh(),
                Ok(()) => {}
                Err(failure) => {
                    self.entered.try_set_value(None);
                    self.refused.try_set(Some(failure.message));
                }
            }
        });
    }

    /// The page is hidden or left: words in it become an entry. Called more than once for one
    /// leaving, and on a page that comes back; it is the same entry each time.
    pub(super) fn leave(self) {
        self.forget_clock();
        let Some(draft) = self.draft() else { return };
        let entered = self.entered.try_get_value().flatten();
        if entered.is_some() && entered == self.keys.try_get_value() {
            return;
        }
        if draft.is_blank() || too_long(&draft).is_some() {
            self.keep_draft();
            return;
        }
        let kept = self.enter(&draft);
        spawn_local(async move {
            match kept.await {
                Ok(()) => {
                    self.reached.try_set(Some(Some(Tick::Local)));
                }
                Err(failure) => {
                    self.entered.try_set_value(None);
                    leptos::logging::warn!("{failure}");
                }
            }
        });
    }

    fn enter(
        self,
        draft: &Draft,
    ) -> impl Future<Output = Result<(), sync::local::Failure>> + 'static {
        self.forget_clock();
        self.entered.try_set_value(self.keys.try_get_value());
        self.mutation
            .keep(vec![insert(&draft.to_entry())], Some(NEW_ENTRY.into()))
    }

    fn start_afresh(self) {
        self.begun.try_set_value(None);
        self.entered.try_set_value(None);
        self.title.try_set(String::new());
        self.body.try_set(String::new());
        self.chosen.try_set(None);
        self.reached.try_set(None);
        self.created.try_set(true);
        crate::parts::focus::focus_page();
    }

    /// What is on the page, if anything was begun.
    fn draft(self) -> Option<Draft> {
        let (id, day, written_at) = self.begun.try_get_value().flatten()?;
        let title = self.title.try_get_untracked()?;
        let body = self.body.try_get_untracked()?;
        let mode = self.mode.try_get_untracked()?;
        let prompt = self.chosen.try_get_untracked()?;
        Some(Draft {
            id,
            day,
            written_at,
            mode,
            prompt,
            title,
            body,
        })
    }

    /// Something about the draft changed.
    fn changed(self) {
        self.keys.update_value(|keys| *keys += 1);
        if self.begun.with_value(Option::is_none) {
            return;
        }
        self.reached.set(Some(None));
        self.forget_clock();
        let keep = move || self.keep_draft();
        let clock = set_timeout_with_handle(keep, Duration::from_millis(PAUSE_MS)).ok();
        self.clock.set_value(clock);
    }

    fn keep_draft(self) {
        let (Some(draft), Some(keys)) = (self.draft(), self.keys.try_get_value()) else {
            return;
        };
        let slot = NEW_ENTRY.to_owned();
        let answer = if draft.is_blank() && draft.title.is_empty() {
            self.client.ask(Ask::DropDraft { slot })
        } else {
            self.client.ask(Ask::SaveDraft {
                slot,
                fields: draft.to_fields(),
            })
        };
        spawn_local(async move {
            match answer.await {
                Ok(_) if self.keys.try_get_value() == Some(keys) => {
                    self.reached.try_set(Some(Some(Tick::Local)));
                }
                Ok(_) => {}
                Err(failure) => {
                    self.refused.try_set(Some(failure.message));
                }
            }
        });
    }

    fn forget_clock(self) {
        if let Some(clock) = self.clock.try_update_value(Option::take).flatten() {
            clock.clear();
        }
    }

    /// Puts the draft of last time back onto the page.
    fn restore(self, asked: Option<Mode>) {
        let answer = self.client.ask(Ask::ReadDraft {
            slot: NEW_ENTRY.into(),
        });
        spawn_local(async move {
            let Ok(Answer::Draft(Some(fields))) = answer.await else {
                return;
            };
            let Some(draft) = Draft::from_fields(&fields) else {
                return;
            };
            match self.begun.try_with_value(Option::is_some) {
                Some(false) => self.show(draft, asked),
                // Somebody was faster than the disk: the old words become an entry of their own.
                _ if draft.is_blank() => {}
                _ => {
                    let kept = self.mutation.keep(vec![insert(&draft.to_entry())], None);
                    if let Err(failure) = kept.await {
                        leptos::logging::warn!("{failure}");
                    }
                }
            }
        });
    }

    fn show(self, draft: Draft, asked: Option<Mode>) {
        self.begun
            .try_set_value(Some((draft.id, draft.day, draft.written_at)));
        self.mode.try_set(asked.unwrap_or(draft.mode));
        self.chosen.try_set(draft.prompt);
        self.title.try_set(draft.title);
        self.body.try_set(draft.body);
        self.reached.try_set(Some(Some(Tick::Local)));
    }
}

fn too_long(draft: &Draft) -> Option<&'static str> {
    if draft.body.len() > Markdown::BYTES_MAX {
        Some(words::TOO_LONG)
    } else if draft.title.len() > Title::BYTES_MAX {
        Some(words::TITLE_TOO_LONG)
    } else {
        None
    }
}

/// Today's prompts for the person who is here.
fn prompts_for(client: Client) -> Memo<Vec<(Id, String)>> {
    let rows = use_query::<Prompt>(|| Some(Query::all(Prompt::TABLE.name)));
    Memo::new(move |_| {
        let Session::Somebody(person) = client.session().get() else {
            return Vec::new();
        };
        let prompts = rows.with(|rows| {
            let rows = rows.ready().map(Vec::as_slice).unwrap_or_default();
            rows.iter().map(|kept| kept.row.clone()).collect()
        });
        let of_the_day = prompts_of_the_day(person.id, &today(), prompts);
        of_the_day
            .into_iter()
            .map(|prompt| (prompt.id, prompt.text.0))
            .collect()
    })
}
