//! One page of the journal.

use crate::kinds::{Day, Markdown, Moment, PromptText, Title};
use sync::id::Id;
use sync::table::Synced;

/// One page of the journal.
#[derive(Clone, Debug, PartialEq, Eq, Synced)]
#[synced(
    table = "journal_entries",
    index(day),
    scopes("own"),
    trash(trashed_at),
    revisions("entry_revisions")
)]
pub struct JournalEntry {
    /// Its key.
    #[synced(key)]
    pub id: Id,
    /// The day it belongs to.
    pub day: Day,
    /// Its title; often empty.
    pub title: Title,
    /// Its words.
    pub body: Markdown,
    /// The prompt it answers.
    pub prompt_id: Option<Id>,
    /// That prompt's words as they were, so that a later edit of the prompt does not rewrite
    /// what somebody answered.
    pub prompt_text: Option<PromptText>,
    /// When it was begun.
    pub written_at: Moment,
    /// When it was put into the trash; none while it is not there.
    pub trashed_at: Option<Moment>,
}

impl JournalEntry {
    /// What a list shows as its name: the title, or else the first words.
    #[must_use]
    pub fn headline(&self) -> &str {
        let title = self.title.as_str().trim();
        if title.is_empty() {
            self.first_line()
        } else {
            title
        }
    }

    /// What a list shows below its name: the words that the headline has not shown, from the
    /// first 400 characters.
    #[must_use]
    pub fn excerpt(&self) -> String {
        let body = self.body.as_str().trim_start();
        let rest = if self.title.as_str().trim().is_empty() {
            body.strip_prefix(self.first_line()).unwrap_or(body)
        } else {
            body
        };
        let words: Vec<_> = rest.split_whitespace().take(80).collect();
        words.join(" ").chars().take(400).collect()
    }

    fn first_line(&self) -> &str {
        let lines = self.body.as_str().lines();
        lines
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sync::value::FieldKind;

    fn entry(title: &str, body: &str) -> JournalEntry {
        JournalEntry {
            id: Id::from_u128(1),
            day: Day::parse("2026-11-21").expect("a day"),
            title: title.into(),
            body: body.into(),
            prompt_id: None,
            prompt_text: Some("Why?".into()),
            written_at: Moment(5),
            trashed_at: None,
        }
    }

    #[test]
    fn an_entry_comes_back_from_its_fields() {
        let entry = entry("Rain", "It rained.");
        assert_eq!(
            JournalEntry::from_fields(entry.id, &entry.to_fields()),
            Ok(entry)
        );
    }

    #[test]
    fn a_list_shows_the_title_or_the_first_line_and_then_the_rest() {
        let titled = entry("Rain", "It rained\n  all day");
        assert_eq!(titled.headline(), "Rain");
        assert_eq!(titled.excerpt(), "It rained all day");
        let plain = entry(" ", "\nIt rained.\nAll day.");
        assert_eq!(plain.headline(), "It rained.");
        assert_eq!(plain.excerpt(), "All day.");
    }

    #[test]
    fn an_entry_must_say_something_and_has_a_bound() {
        let table = JournalEntry::TABLE;
        let body = table.field("body").expect("a body").kind;
        assert_eq!(
            body,
            FieldKind::Text {
                bytes_max: 200 * 1024,
                blank: false
            }
        );
        assert!(table.field("trashed_at").expect("a trash").nullable);
        assert_eq!(table.trash, Some("trashed_at"));
    }

    #[test]
    fn only_the_words_of_an_entry_are_joined() {
        let joined = JournalEntry::TABLE
            .fields
            .iter()
            .filter(|field| field.merged);
        assert!(joined.map(|field| field.name).eq(["body"]));
    }
}
