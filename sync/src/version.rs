//! Old and new apps at one server: changes of older devices are raised to the server's version
//! of the tables, rows for them are lowered to theirs.

use crate::change::Change;
use crate::limits::SCHEMA_VERSIONS_SPOKEN;
use crate::row::Row;
use crate::table::Schema;

/// From one version of the tables to the next, and back.
#[derive(Clone, Copy, Debug)]
pub struct VersionStep {
    /// Makes a change of the older version one of the newer.
    pub raise: fn(&mut Change),
    /// Makes a row of the newer version one of the older.
    pub lower: fn(&mut Row),
}

/// A device and a server that are too far apart to understand each other. Nothing is lost: the
/// device keeps its outbox and asks for an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this app writes version {theirs} of the journal and the server speaks {oldest} to {newest}; \
     your words are kept on this device, update the app to send them"
)]
pub struct VersionError {
    /// What the device speaks.
    pub theirs: u32,
    /// The oldest version the server speaks.
    pub oldest: u32,
    /// The newest.
    pub newest: u32,
}

impl Schema {
    /// Whether this server speaks a device's version of the tables.
    ///
    /// # Errors
    /// It does not; the answer to such a device is 426.
    pub fn speaks(&self, theirs: u32) -> Result<(), VersionError> {
        let newest = self.version;
        let steps = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        let oldest = newest.saturating_sub(steps.min(SCHEMA_VERSIONS_SPOKEN - 1));
        if (oldest..=newest).contains(&theirs) {
            Ok(())
        } else {
            Err(VersionError {
                theirs,
                oldest,
                newest,
            })
        }
    }

    /// Raises a change of an older version to this one.
    pub fn raise(&self, theirs: u32, change: &mut Change) {
        for step in self.steps_since(theirs) {
            (step.raise)(change);
        }
    }

    /// Lowers a row of this version to an older one.
    pub fn lower(&self, theirs: u32, row: &mut Row) {
        for step in self.steps_since(theirs).iter().rev() {
            (step.lower)(row);
        }
    }

    fn steps_since(&self, theirs: u32) -> &'static [VersionStep] {
        let behind = usize::try_from(self.version.saturating_sub(theirs)).unwrap_or(usize::MAX);
        &self.steps[self.steps.len().saturating_sub(behind)..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOTES, insert};
    use crate::value::Value;
    use alloc::string::String;

    /// Version 2 called the text `words`; version 3 has pins.
    static STEPS: [VersionStep; 2] = [
        VersionStep {
            raise: |change| rename(&mut change.fields, "words", "text"),
            lower: |row| rename(&mut row.fields, "text", "words"),
        },
        VersionStep {
            raise: |change| drop(change.fields.insert("pinned".into(), Value::Null)),
            lower: |row| drop(row.fields.remove("pinned")),
        },
    ];
    static THIRD: Schema = Schema {
        tables: &[&NOTES],
        version: 3,
        steps: &STEPS,
    };

    fn rename(fields: &mut crate::value::Fields, from: &str, to: &str) {
        if let Some(value) = fields.remove(from) {
            fields.insert(to.into(), value);
        }
    }

    #[test]
    fn an_older_devices_change_is_raised_and_its_rows_are_lowered() {
        let mut change = insert(1, 1, "hello");
        change.fields = [(String::from("words"), Value::from("hello"))].into();
        THIRD.raise(1, &mut change);
        assert_eq!(change.fields["text"], "hello".into());
        assert_eq!(change.fields["pinned"], Value::Null);

        let mut row = Row::empty("notes", change.key);
        row.fields = change.fields.clone();
        THIRD.lower(2, &mut row);
        assert_eq!(row.fields.keys().collect::<alloc::vec::Vec<_>>(), ["text"]);
        row.fields = change.fields;
        THIRD.lower(1, &mut row);
        assert_eq!(row.fields["words"], "hello".into());
        assert_eq!(row.fields.len(), 1);
    }

    #[test]
    fn a_device_too_far_behind_or_ahead_is_asked_to_update() {
        for (theirs, spoken) in [(0, false), (1, true), (3, true), (4, false)] {
            assert_eq!(THIRD.speaks(theirs).is_ok(), spoken, "{theirs}");
        }
        static LONG: Schema = Schema {
            tables: &[],
            version: 9,
            steps: &[STEPS[0]; 8],
        };
        assert!(LONG.speaks(5).is_ok());
        assert!(LONG.speaks(4).is_err(), "only the last five versions");
    }
}
