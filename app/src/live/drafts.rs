//! The draft of a new entry. Its entry's name is made when the draft begins and stays with it,
//! so that however often and from wherever the draft becomes an entry, it is one entry.

use domain::JournalEntry;
use domain::kinds::{Day, Markdown, Moment, PromptText, Title};
use sync::id::Id;
use sync::table::{FieldType, read_field};
use sync::value::Fields;

/// The name of the draft of a new entry.
pub const NEW_ENTRY: &str = "new-entry";

/// Whether somebody answers a prompt or writes freely.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// An answer to a prompt.
    #[default]
    Prompted,
    /// Whatever comes.
    Free,
}

impl Mode {
    /// Its name in the page's address and in the draft.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prompted => "prompted",
            Self::Free => "free",
        }
    }

    /// The mode of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Prompted, Self::Free]
            .into_iter()
            .find(|mode| mode.name() == name)
    }
}

/// Unfinished writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The entry it will be.
    pub id: Id,
    /// The day it was begun.
    pub day: Day,
    /// When it was begun.
    pub written_at: Moment,
    /// With a prompt or without.
    pub mode: Mode,
    /// The prompt on the page, name and words.
    pub prompt: Option<(Id, String)>,
    /// The title so far.
    pub title: String,
    /// The words so far.
    pub body: String,
}

impl Draft {
    /// Whether there are no words in it.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.body.trim().is_empty()
    }

    /// As it is kept.
    #[must_use]
    pub fn to_fields(&self) -> Fields {
        let (prompt_id, prompt_text) = self.prompt.clone().unzip();
        [
            ("id", self.id.to_value()),
            ("day", self.day.to_value()),
            ("written_at", self.written_at.to_value()),
            ("mode", self.mode.name().into()),
            ("prompt_id", prompt_id.to_value()),
            ("prompt_text", prompt_text.map(PromptText).to_value()),
            ("title", self.title.as_str().into()),
            ("body", self.body.as_str().into()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// As it was kept; nothing if it is no draft of this kind.
    #[must_use]
    pub fn from_fields(fields: &Fields) -> Option<Self> {
        let prompt_id: Option<Id> = read_field(fields, "prompt_id").ok()?;
        let prompt_text: Option<PromptText> = read_field(fields, "prompt_text").ok()?;
        let mode: Markdown = read_field(fields, "mode").ok()?;
        let title: Title = read_field(fields, "title").ok()?;
        let body: Markdown = read_field(fields, "body").ok()?;
        Some(Self {
            id: read_field(fields, "id").ok()?,
            day: read_field(fields, "day").ok()?,
            written_at: read_field(fields, "written_at").ok()?,
            mode: Mode::named(mode.as_str()).unwrap_or_default(),
            prompt: prompt_id.zip(prompt_text.map(|text| text.0)),
            title: title.0,
            body: body.0,
        })
    }

    /// The entry it becomes.
    #[must_use]
    pub fn to_entry(&self) -> JournalEntry {
        let prompt = self.prompt.clone().filter(|_| self.mode == Mode::Prompted);
        let (prompt_id, prompt_text) = prompt.unzip();
        JournalEntry {
            id: self.id,
            day: self.day.clone(),
            title: Title(self.title.trim().to_owned()),
            body: Markdown(self.body.clone()),
            prompt_id,
            prompt_text: prompt_text.map(PromptText),
            written_at: self.written_at,
            trashed_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(mode: Mode) -> Draft {
        Draft {
            id: Id::from_u128(7),
            day: Day::parse("2026-11-21").expect("a day"),
            written_at: Moment(5),
            mode,
            prompt: Some((Id::from_u128(9), "What did you hear?".into())),
            title: " Rain ".into(),
            body: "It rained.".into(),
        }
    }

    #[test]
    fn a_draft_comes_back_as_it_was_kept() {
        for mode in [Mode::Prompted, Mode::Free] {
            let draft = Draft {
                prompt: None,
                ..draft(mode)
            };
            assert_eq!(Draft::from_fields(&draft.to_fields()), Some(draft));
        }
        let draft = draft(Mode::Prompted);
        assert_eq!(Draft::from_fields(&draft.to_fields()), Some(draft));
        assert_eq!(Draft::from_fields(&Fields::new()), None);
    }

    #[test]
    fn a_draft_becomes_the_same_entry_however_often() {
        let draft = draft(Mode::Prompted);
        assert_eq!(draft.to_entry(), draft.to_entry());
        assert_eq!(draft.to_entry().id, draft.id);
        assert_eq!(draft.to_entry().title.as_str(), "Rain");
    }

    #[test]
    fn free_writing_keeps_no_prompt() {
        assert_eq!(draft(Mode::Free).to_entry().prompt_id, None);
        let answer = draft(Mode::Prompted).to_entry();
        assert_eq!(answer.prompt_text, Some("What did you hear?".into()));
    }

    #[test]
    fn white_space_is_no_words() {
        assert!(
            Draft {
                body: " \n".into(),
                ..draft(Mode::Free)
            }
            .is_blank()
        );
        assert!(!draft(Mode::Free).is_blank());
    }
}
