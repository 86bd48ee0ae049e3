//! The types that fields of the journal have, each with its limit.

use sync::limits::BODY_BYTES_MAX;
use sync::table::{FieldType, text};
use sync::value::{FieldKind, Value, is_day};

/// Declares a text type with a bound in bytes, whether it may be blank, and whether edits made
/// apart are joined.
macro_rules! text_kind {
    ($(#[$doc:meta])* $name:ident, $bytes_max:expr, blank: $blank:literal, joined: $joined:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub String);

        impl $name {
            /// How many bytes of UTF-8 it may have.
            pub const BYTES_MAX: usize = $bytes_max;

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl FieldType for $name {
            const KIND: FieldKind = FieldKind::Text { bytes_max: $bytes_max, blank: $blank };
            const MERGED: bool = $joined;

            fn to_value(&self) -> Value {
                Value::Text(self.0.clone())
            }

            fn from_value(value: &Value) -> Option<Self> {
                text(value).cloned().map(Self)
            }
        }
    };
}

text_kind!(
    /// The title of an entry; often empty.
    Title, 512, blank: true, joined: false
);
text_kind!(
    /// The words of an entry, as plain Markdown. An entry says something.
    Markdown, BODY_BYTES_MAX, blank: false, joined: true
);
text_kind!(
    /// A question to write to.
    PromptText, 1_024, blank: false, joined: false
);
text_kind!(
    /// A family of prompts.
    Category, 64, blank: false, joined: false
);
text_kind!(
    /// The name of a field of an entry.
    FieldName, 64, blank: false, joined: false
);
text_kind!(
    /// What an entry said once. As long as the longest field, and blank where that field was.
    RevisionText, BODY_BYTES_MAX, blank: true, joined: false
);

/// A calendar day as its writer's calendar had it, `YYYY-MM-DD`: no time zone, so that a
/// journey never moves an entry to another day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(String);

impl Day {
    /// The day that this text names, if it names one that exists.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        is_day(text).then(|| Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FieldType for Day {
    const KIND: FieldKind = FieldKind::Day;

    fn to_value(&self) -> Value {
        Value::Text(self.0.clone())
    }

    fn from_value(value: &Value) -> Option<Self> {
        text(value).and_then(|text| Self::parse(text))
    }
}

/// A moment, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl FieldType for Moment {
    const KIND: FieldKind = FieldKind::Integer;

    fn to_value(&self) -> Value {
        Value::Integer(self.0)
    }

    fn from_value(value: &Value) -> Option<Self> {
        i64::from_value(value).map(Self)
    }
}
