//! What kind of trouble a database reports, whichever of the two it is.

use sqlx::error::DatabaseError;
use sqlx::postgres::PgDatabaseError;

/// What kind of trouble the database reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Others write or read, and it took too long, or two stood in each other's way.
    Busy,
    /// The database cannot be reached, or is ending or starting. What was under way when it went
    /// may have been done or not.
    Away,
    /// There is no room on the disk.
    Full,
    /// What was to be written breaks a rule of the schema, or cannot be held by it.
    Constraint,
    /// Anything else.
    Other,
}

impl Trouble {
    pub(crate) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Io(_) | sqlx::Error::WorkerCrashed => Self::Away,
            sqlx::Error::Database(error) => Self::reported(error.as_ref()),
            _ => Self::Other,
        }
    }

    fn reported(error: &dyn DatabaseError) -> Self {
        let Some(code) = error.code() else {
            return Self::Other;
        };
        match error.try_downcast_ref::<PgDatabaseError>() {
            Some(_) => Self::of_sqlstate(&code),
            None => code.parse().map_or(Self::Other, Self::of_sqlite),
        }
    }

    /// The low byte of SQLite's code is the primary one; the rest says more of the same.
    const fn of_sqlite(code: i32) -> Self {
        const BUSY: i32 = 5;
        const LOCKED: i32 = 6;
        const FULL: i32 = 13;
        const CONSTRAINT: i32 = 19;
        match code & 0xff {
            BUSY | LOCKED => Self::Busy,
            FULL => Self::Full,
            CONSTRAINT => Self::Constraint,
            _ => Self::Other,
        }
    }

    /// The first two characters of PostgreSQL's code are its class.
    fn of_sqlstate(code: &str) -> Self {
        match code {
            // Serialization failure, deadlock, lock timeout, statement timeout.
            "40001" | "40P01" | "55P03" | "57014" => Self::Busy,
            // Too many connections.
            "53300" => Self::Busy,
            "53100" => Self::Full,
            // The operator ends it, it crashed, it starts, it is gone; it ended our transaction.
            "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" => Self::Away,
            // It became a standby: writes go elsewhere now.
            "25006" => Self::Away,
            _ => match code.get(..2) {
                Some("08") => Self::Away,
                // Data that the type cannot hold, a constraint, a trigger's own word.
                Some("22" | "23" | "P0") => Self::Constraint,
                _ => Self::Other,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_told_from_what_does_not() {
        for (code, trouble) in [
            ("40001", Trouble::Busy),
            ("40P01", Trouble::Busy),
            ("55P03", Trouble::Busy),
            ("57014", Trouble::Busy),
            ("53300", Trouble::Busy),
            ("53100", Trouble::Full),
            ("57P01", Trouble::Away),
            ("57P03", Trouble::Away),
            ("08006", Trouble::Away),
            ("23505", Trouble::Constraint),
            ("22021", Trouble::Constraint),
            ("P0001", Trouble::Constraint),
            ("42P01", Trouble::Other),
            ("XX000", Trouble::Other),
            ("", Trouble::Other),
        ] {
            assert_eq!(Trouble::of_sqlstate(code), trouble, "{code}");
        }
        for (code, trouble) in [
            (5, Trouble::Busy),
            (517, Trouble::Busy),
            (13, Trouble::Full),
            (2067, Trouble::Constraint),
            (1, Trouble::Other),
        ] {
            assert_eq!(Trouble::of_sqlite(code), trouble, "{code}");
        }
    }
}
