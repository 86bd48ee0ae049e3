//! An entry in a list: the day in the margin, the words beside it.

use super::tick::Tick;
use crate::live::{Kept, day_number, time_iso, time_of_day, weekday};
use crate::words;
use domain::JournalEntry;
use leptos::prelude::*;

/// The first words of an entry without a title are its excerpt.
fn excerpt(entry: &JournalEntry) -> String {
    if entry.title.as_str().trim().is_empty() {
        format!("{} {}", entry.headline(), entry.excerpt())
            .trim()
            .chars()
            .take(400)
            .collect()
    } else {
        entry.excerpt()
    }
}

/// One entry; `tail` stands at the end of its line, `actions` below its words.
pub(crate) fn entry_row<T: IntoView, A: IntoView>(
    kept: &Kept<JournalEntry>,
    same_day: bool,
    fresh: bool,
    tail: T,
    actions: A,
) -> impl IntoView + use<T, A> {
    let entry = &kept.row;
    let id = format!("t-{}", entry.id);
    let title = entry.title.as_str().trim().to_owned();
    let has_title = !title.is_empty();
    let excerpt_id = (!has_title).then(|| id.clone());
    let title = has_title.then(|| view! { <h3 class="title" id=id>{title}</h3> });
    let written = entry.written_at.0;
    let prompt = entry
        .prompt_id
        .map(|_| view! { <span class="prompt-mark">{words::PROMPT_MARK}</span> });
    view! {
        <li class="entry" class:same-day=same_day data-testid="entry">
            <time class="day" datetime=entry.day.as_str().to_owned()>
                <span class="num">{day_number(&entry.day)}</span>
                <span class="weekday">{weekday(&entry.day, true)}</span>
            </time>
            <div class="text">
                {title} <p class="excerpt" id=excerpt_id>
                    {excerpt(entry)}
                </p> <p class="meta">
                    <time datetime=time_iso(written)>{time_of_day(written)}</time>
                    {prompt}
                    <Tick reached=Some(kept.tick.clone()) fresh />
                    {tail}
                </p> {actions}
            </div>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::kinds::{Day, Moment};
    use sync::id::Id;

    #[test]
    fn without_a_title_the_excerpt_begins_with_the_first_words() {
        let entry = |title: &str| JournalEntry {
            id: Id::from_u128(1),
            day: Day::parse("2026-11-21").expect("a day"),
            title: title.into(),
            body: "It rained.\nAll day.".into(),
            prompt_id: None,
            prompt_text: None,
            written_at: Moment(1),
            trashed_at: None,
        };
        assert_eq!(excerpt(&entry("")), "It rained. All day.");
        assert_eq!(excerpt(&entry("Rain")), "It rained. All day.");
    }
}
