//! The values a synced field may hold, and the kinds a table declares.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use serde::{Deserialize, Serialize};

/// One field's value, as it travels and is stored. On the wire it is the plain JSON scalar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// No value; only a nullable field may hold it.
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number; exact between -2⁵³ and 2⁵³, which is checked.
    Integer(i64),
    /// Text, in the form its [`FieldKind`] demands.
    Text(String),
}

/// Field names with their values, in name order.
pub type Fields = BTreeMap<String, Value>;

/// The largest integer that every part of the program, JavaScript included, holds exactly.
pub const INTEGER_MAX: i64 = (1 << 53) - 1;

/// What a field holds and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text of at most so many bytes; `blank` tells whether white space alone will do.
    Text {
        /// The bound in bytes of UTF-8.
        bytes_max: usize,
        /// Whether the text may be empty or all white space.
        blank: bool,
    },
    /// A calendar day, `YYYY-MM-DD`, without a time zone.
    Day,
    /// A whole number.
    Integer,
    /// True or false.
    Boolean,
    /// The key of another row.
    Id,
}

/// Why a value does not fit its field. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// The value is of another type than the field.
    #[error("the value is of another type than this field")]
    WrongType,
    /// More bytes than the field may hold.
    #[error("the text has {bytes} bytes and this field takes {bytes_max}")]
    TooLong {
        /// What it has.
        bytes: usize,
        /// What the field takes.
        bytes_max: usize,
    },
    /// A text that must say something is empty or all white space.
    #[error("this field may not be empty")]
    Blank,
    /// The character U+0000, for which not every database has a place.
    #[error("the text has the character U+0000, which cannot be kept")]
    Nul,
}

impl FieldKind {
    /// Whether `value` fits.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(self, value: &Value, nullable: bool) -> Result<(), Misfit> {
        match (self, value) {
            (_, Value::Null) if nullable => Ok(()),
            (Self::Text { bytes_max, blank }, Value::Text(text)) => {
                if text.len() > bytes_max {
                    Err(Misfit::TooLong {
                        bytes: text.len(),
                        bytes_max,
                    })
                } else if !blank && text.trim().is_empty() {
                    Err(Misfit::Blank)
                } else if text.contains('\0') {
                    Err(Misfit::Nul)
                } else {
                    Ok(())
                }
            }
            (Self::Day, Value::Text(text)) if is_day(text) => Ok(()),
            (Self::Id, Value::Text(text)) if text.parse::<crate::id::Id>().is_ok() => Ok(()),
            (Self::Integer, Value::Integer(number)) if number.abs() <= INTEGER_MAX => Ok(()),
            (Self::Boolean, Value::Boolean(_)) => Ok(()),
            _ => Err(Misfit::WrongType),
        }
    }
}

/// Whether the text has the form of a calendar day and names one that exists.
#[must_use]
pub fn is_day(text: &str) -> bool {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !shaped {
        return false;
    }
    let number = |range: core::ops::Range<usize>| text[range].parse::<u32>().unwrap_or(0);
    let (year, month, day) = (number(0..4), number(5..7), number(8..10));
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    };
    (1..=days).contains(&day)
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_exist_are_taken_and_others_are_not() {
        for day in ["2026-11-21", "2024-02-29", "0001-01-01"] {
            assert!(is_day(day), "{day}");
        }
        for day in [
            "2026-02-29",
            "2026-13-01",
            "2026-1-1",
            "2026-11-31",
            "",
            "2026-11-2é",
        ] {
            assert!(!is_day(day), "{day}");
        }
    }

    #[test]
    fn a_text_is_checked_at_its_bound_and_for_blankness() {
        let kind = FieldKind::Text {
            bytes_max: 4,
            blank: false,
        };
        assert_eq!(kind.check(&"abcd".into(), false), Ok(()));
        let long = Misfit::TooLong {
            bytes: 5,
            bytes_max: 4,
        };
        assert_eq!(kind.check(&"abcde".into(), false), Err(long));
        assert_eq!(kind.check(&" \n".into(), false), Err(Misfit::Blank));
        assert_eq!(
            kind.check(&Value::Integer(1), false),
            Err(Misfit::WrongType)
        );
        assert_eq!(kind.check(&Value::Null, false), Err(Misfit::WrongType));
        assert_eq!(kind.check(&Value::Null, true), Ok(()));
    }

    #[test]
    fn an_integer_beyond_the_exact_range_is_refused() {
        let check = |n| FieldKind::Integer.check(&Value::Integer(n), false);
        assert_eq!(check(INTEGER_MAX), Ok(()));
        assert_eq!(check(INTEGER_MAX + 1), Err(Misfit::WrongType));
        assert_eq!(check(-INTEGER_MAX), Ok(()));
    }

    #[test]
    fn the_exact_range_is_that_of_javascript() {
        assert_eq!(INTEGER_MAX, 9_007_199_254_740_991);
    }

    #[test]
    fn a_name_has_the_form_of_a_name() {
        let check = |text: &str| FieldKind::Id.check(&text.into(), false);
        assert_eq!(check("---------------------6"), Ok(()));
        assert_eq!(check("seven"), Err(Misfit::WrongType));
    }
}
