//! What is typed into an entry, what is stored of it, and which of the two is shown. Pure.

use domain::kinds::{Markdown, Title};
use std::collections::VecDeque;
use sync::value::Value;

/// How many of its own saves an editor remembers until they come back as rows.
const OWN_SAVES_MAX: usize = 8;

/// A title and words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) title: String,
    pub(super) body: String,
}

/// Why what is typed is not stored as an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    /// There are no words.
    Blank,
    /// There are too many.
    TooLong,
    /// The title has too many.
    TitleTooLong,
}

/// A save that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Save {
    /// What is stored once it is made.
    pub(super) text: Text,
    /// The fields that differ from what is stored.
    pub(super) fields: Vec<(&'static str, Value)>,
}

/// The state of one editor.
#[derive(Default)]
pub(super) struct Typed {
    /// What is on the page.
    text: Text,
    /// What is stored, as far as is known; nothing before the row has come.
    stored: Option<Text>,
    /// Saves of this editor whose row has not come back yet. Rows are read while saves are
    /// made, so a row may show an older save than the last one: it is no news.
    own: VecDeque<Text>,
}

impl Typed {
    /// The row came, or came again. Whether the page must show its text now: never while keys
    /// are unsaved, and never for what this editor itself stored.
    pub(super) fn row_came(&mut self, row: Text) -> bool {
        if self.stored.as_ref() == Some(&row) {
            return false;
        }
        if let Some(place) = self.own.iter().position(|own| *own == row) {
            self.own.drain(..=place);
            return false;
        }
        let unsaved = self.stored.is_some() && self.is_unsaved();
        self.stored = Some(row.clone());
        if unsaved || self.text == row {
            return false;
        }
        self.text = row;
        true
    }

    /// This is on the page now.
    pub(super) fn typed(&mut self, text: Text) {
        self.text = text;
    }

    /// Whether there are keys that are not stored.
    pub(super) fn is_unsaved(&self) -> bool {
        self.stored
            .as_ref()
            .is_some_and(|stored| *stored != self.text)
    }

    /// What is on the page.
    pub(super) const fn text(&self) -> &Text {
        &self.text
    }

    /// What there is to save, if anything.
    ///
    /// # Errors
    /// What is typed does not fit into an entry.
    pub(super) fn to_save(&self) -> Result<Option<Save>, Unfit> {
        let Some(stored) = self.stored.as_ref().filter(|_| self.is_unsaved()) else {
            return Ok(None);
        };
        if self.text.body.trim().is_empty() {
            return Err(Unfit::Blank);
        }
        if self.text.body.len() > Markdown::BYTES_MAX {
            return Err(Unfit::TooLong);
        }
        if self.text.title.len() > Title::BYTES_MAX {
            return Err(Unfit::TitleTooLong);
        }
        let mut fields = Vec::new();
        if stored.title != self.text.title {
            fields.push(("title", Value::Text(self.text.title.clone())));
        }
        if stored.body != self.text.body {
            fields.push(("body", Value::Text(self.text.body.clone())));
        }
        Ok(Some(Save {
            text: self.text.clone(),
            fields,
        }))
    }

    /// The save is on the disk.
    pub(super) fn saved(&mut self, text: Text) {
        if self.own.len() == OWN_SAVES_MAX {
            self.own.pop_front();
        }
        if let Some(before) = self.stored.replace(text.clone()) {
            // A row that was read before this save may still be on its way.
            if !self.own.contains(&before) {
                self.own.push_back(before);
            }
        }
        self.own.push_back(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: &str) -> Text {
        Text {
            title: "Rain".into(),
            body: body.into(),
        }
    }

    fn open(body: &str) -> Typed {
        let mut typed = Typed::default();
        assert!(typed.row_came(text(body)));
        typed
    }

    fn save(typed: &mut Typed) {
        let save = typed.to_save().expect("fits").expect("unsaved");
        typed.saved(save.text);
    }

    #[test]
    fn only_what_differs_is_saved() {
        let mut typed = open("one");
        assert_eq!(typed.to_save(), Ok(None));
        typed.typed(text("two"));
        let save = typed.to_save().expect("fits").expect("unsaved");
        assert_eq!(save.fields, [("body", Value::from("two"))]);
    }

    #[test]
    fn a_change_from_elsewhere_is_shown_when_nothing_is_unsaved() {
        let mut typed = open("one");
        assert!(typed.row_came(text("two")));
        assert_eq!(typed.text().body, "two");
        assert!(!typed.is_unsaved());
    }

    #[test]
    fn a_change_from_elsewhere_never_takes_unsaved_keys_away() {
        let mut typed = open("one");
        typed.typed(text("mine"));
        assert!(!typed.row_came(text("theirs")));
        assert_eq!(typed.text().body, "mine");
        let save = typed.to_save().expect("fits").expect("unsaved");
        assert_eq!(save.fields, [("body", Value::from("mine"))]);
    }

    #[test]
    fn rows_that_show_an_older_save_of_this_editor_are_no_news() {
        let mut typed = open("one");
        for body in ["two", "three"] {
            typed.typed(text(body));
            save(&mut typed);
        }
        for late in ["one", "two", "three"] {
            assert!(!typed.row_came(text(late)), "{late}");
            assert_eq!(typed.text().body, "three");
            assert!(!typed.is_unsaved());
        }
        assert!(typed.row_came(text("theirs")));
    }

    #[test]
    fn what_does_not_fit_is_not_saved_and_stays_on_the_page() {
        let mut typed = open("one");
        typed.typed(text(" \n"));
        assert_eq!(typed.to_save(), Err(Unfit::Blank));
        typed.typed(text(&"x".repeat(Markdown::BYTES_MAX + 1)));
        assert_eq!(typed.to_save(), Err(Unfit::TooLong));
        assert_eq!(typed.text().body.len(), Markdown::BYTES_MAX + 1);
        typed.typed(Text {
            title: "x".repeat(Title::BYTES_MAX + 1),
            body: "b".into(),
        });
        assert_eq!(typed.to_save(), Err(Unfit::TitleTooLong));
    }

    #[test]
    fn keys_typed_while_a_save_is_made_are_still_unsaved() {
        let mut typed = open("one");
        typed.typed(text("two"));
        let save = typed.to_save().expect("fits").expect("unsaved");
        typed.typed(text("two and"));
        typed.saved(save.text);
        assert!(typed.is_unsaved());
    }
}
