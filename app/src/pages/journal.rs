//! The journal: all entries, newest day first, grouped by month.

use crate::live::{Kept, Loaded, month_and_year, month_of, use_query};
use crate::parts::entry_row::entry_row;
use crate::parts::icons::SheetArt;
use crate::parts::title::set_title;
use crate::parts::trouble::Trouble;
use crate::weight::{Leaner, changing, whenever};
use crate::words;
use domain::JournalEntry;
use leptos::prelude::*;
use leptos_router::hooks::use_navigate;
use std::time::Duration;
use sync::id::Id;
use sync::local::{Query, Tick};
use sync::table::Synced;

/// How many entries are put on the page at a time; a person scrolls, and then asks for more.
const ENTRIES_SHOWN: usize = 200;

/// How long the page waits before it holds a place for what is on its way.
const GHOST_MS: u64 = 150;

type Entries = Vec<Kept<JournalEntry>>;

/// The journal.
#[component]
pub(crate) fn JournalPage() -> impl IntoView {
    set_title(words::JOURNAL_TITLE);
    let entries = use_query::<JournalEntry>(|| {
        let all = Query {
            limit: usize::MAX,
            ..Query::all(JournalEntry::TABLE.name)
        };
        Some(all.newest_by("day").keep_null("trashed_at", true))
    });
    let shown = RwSignal::new(ENTRIES_SHOWN);
    let ticks = StoredValue::new(Vec::new());
    let count = changing(move || {
        entries.with(|entries| {
            entries
                .ready()
                .map(|entries| words::entries_in_total(entries.len()))
                .unwrap_or_default()
        })
    });
    let instead = changing(move || {
        entries.with(|entries| match entries {
            Loaded::Waiting => Some(view! { <Ghosts /> }.lean()),
            Loaded::Failed(failure) => {
                let failure = failure.clone();
                Some(view! { <Trouble failure /> }.lean())
            }
            Loaded::Ready(entries) if entries.is_empty() => Some(view! { <Empty /> }.lean()),
            Loaded::Ready(_) => None,
        })
    });
    // The list changes in place, so that focus and scroll stay where they are.
    let list = move || {
        let entries = entries.with(|entries| entries.ready().cloned());
        list(entries.unwrap_or_default(), shown, ticks)
    };
    view! {
        <main id="main" tabindex="-1">
            <section class="journal">
                <header class="page-head">
                    <h1>{words::JOURNAL_TITLE}</h1>
                    <p class="count" data-testid="count">
                        {count}
                    </p>
                </header>
                {instead}
                {list}
            </section>
        </main>
    }
    .lean()
}

fn list(
    mut entries: Entries,
    shown: RwSignal<usize>,
    ticks: StoredValue<Vec<(Id, Tick)>>,
) -> impl IntoView {
    newest_first(&mut entries);
    let limit = shown.get();
    let more = entries.len() > limit;
    entries.truncate(limit);
    let before = ticks.get_value();
    let now = entries
        .iter()
        .map(|kept| (kept.row.id, kept.tick.clone()))
        .collect();
    ticks.set_value(now);
    let months = by_month(&entries)
        .map(|month| month_view(month, &before))
        .collect_view();
    let earlier = more.then(|| {
        view! {
            <div class="actions">
                <button
                    class="button"
                    type="button"
                    data-testid="earlier"
                    on:click=move |_| shown.update(|shown| *shown += ENTRIES_SHOWN)
                >
                    {words::EARLIER}
                </button>
            </div>
        }
        .lean()
    });
    view! {
        {months}
        {earlier}
    }
}

fn month_view(entries: &[Kept<JournalEntry>], before: &[(Id, Tick)]) -> impl IntoView + use<> {
    let first = entries.first().map(|kept| &kept.row.day);
    let id = first.map(|day| format!("m-{}", month_of(day)));
    let labelled_by = id.clone();
    let (month, year) = first.map(month_and_year).unwrap_or_default();
    let mut last_day = None;
    let rows: Vec<_> = entries
        .iter()
        .map(|kept| {
            let same_day = last_day.replace(&kept.row.day) == Some(&kept.row.day);
            let fresh = kept.tick == Tick::Synced && before.contains(&(kept.row.id, Tick::Local));
            entry_row(kept, same_day, fresh, more_link(kept.row.id), ())
        })
        .collect();
    view! {
        <section class="month-group" aria-labelledby=labelled_by>
            <h2 class="month" id=id>
                {month}
                " "
                <span class="year">{year}</span>
            </h2>
            <ol class="entries">{rows}</ol>
        </section>
    }
}

fn more_link(id: Id) -> impl IntoView {
    view! {
        <a
            class="more"
            href=format!("/journal-entries/{id}")
            aria-describedby=format!("t-{id}")
            data-testid="read-more"
        >
            {words::READ_MORE}
        </a>
    }
}

/// Places held for entries, once they take longer than a blink.
#[component]
fn Ghosts() -> impl IntoView {
    let late = RwSignal::new(false);
    whenever(move || {
        set_timeout(
            move || {
                late.try_set(true);
            },
            Duration::from_millis(GHOST_MS),
        );
    });
    let ghost = || {
        view! {
            <li class="entry ghost" aria-hidden="true">
                <span class="day"></span>
                <div class="text"></div>
            </li>
        }
    };
    changing(move || {
        late.get()
            .then(|| view! { <ol class="entries">{[(); 3].map(|()| ghost())}</ol> }.lean())
    })
}

#[component]
fn Empty() -> impl IntoView {
    let navigate = use_navigate();
    let create = move |_| navigate("/journal-entries/new", Default::default());
    view! {
        <div class="empty" data-testid="empty">
            <SheetArt />
            <h2>{words::NO_ENTRIES}</h2>
            <p>{words::NO_ENTRIES_MORE}</p>
            <button class="button primary" type="button" data-testid="create-first" on:click=create>
                {words::CREATE_FIRST}
            </button>
        </div>
    }
}

/// Newest day first; within a day, the one begun last.
fn newest_first(entries: &mut Entries) {
    entries.sort_by(|one, other| {
        let place =
            |kept: &Kept<JournalEntry>| (kept.row.day.clone(), kept.row.written_at, kept.row.id);
        place(other).cmp(&place(one))
    });
}

/// Entries of one month after the other.
fn by_month(entries: &[Kept<JournalEntry>]) -> impl Iterator<Item = &[Kept<JournalEntry>]> {
    entries.chunk_by(|one, other| month_of(&one.row.day) == month_of(&other.row.day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::kinds::{Day, Moment};

    fn entry(id: u128, day: &str, written_at: i64) -> Kept<JournalEntry> {
        let row = JournalEntry {
            id: Id::from_u128(id),
            day: Day::parse(day).expect("a day"),
            title: "".into(),
            body: "Words.".into(),
            prompt_id: None,
            prompt_text: None,
            written_at: Moment(written_at),
            trashed_at: None,
        };
        Kept {
            row,
            tick: Tick::Local,
        }
    }

    #[test]
    fn the_newest_day_comes_first_and_within_it_what_was_begun_last() {
        let mut entries = vec![
            entry(1, "2026-11-20", 9),
            entry(2, "2026-11-21", 5),
            entry(3, "2026-11-21", 7),
            entry(4, "2025-12-31", 8),
        ];
        newest_first(&mut entries);
        let order: Vec<_> = entries.iter().map(|kept| kept.row.id).collect();
        assert_eq!(order, [3, 2, 1, 4].map(Id::from_u128));
    }

    #[test]
    fn the_same_month_of_another_year_is_another_month() {
        let entries = [
            entry(1, "2026-11-21", 1),
            entry(2, "2026-11-01", 1),
            entry(3, "2026-10-31", 1),
            entry(4, "2025-11-30", 1),
        ];
        let sizes: Vec<_> = by_month(&entries).map(<[_]>::len).collect();
        assert_eq!(sizes, [2, 1, 1]);
    }
}
