//! Collection on the device: history and tombstones that have served their time.

use super::outbox::{ChangeState, LocalChange};
use super::record::Record;
use crate::limits::{HISTORY_MS, TOMBSTONE_MS};
use crate::planted;

/// What may go, by age on the device's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collection {
    /// History recorded before this, in milliseconds since 1970.
    pub history_before_ms: u64,
    /// Tombstones written before this, in milliseconds since 1970.
    pub tombstones_before_ms: u64,
}

impl Collection {
    /// What may go now.
    #[must_use]
    pub const fn at(now_ms: u64) -> Self {
        Self {
            history_before_ms: now_ms.saturating_sub(HISTORY_MS),
            tombstones_before_ms: now_ms.saturating_sub(TOMBSTONE_MS),
        }
    }

    /// Whether a change may go. What was refused never does: only its person lets it go. Of
    /// what was superseded only that whose values the server has is cleared at once, elsewhere
    /// ([`super::outbox::outlived`]); here everything that is closed goes by age.
    #[must_use]
    pub fn takes_change(&self, local: &LocalChange) -> bool {
        if planted!(CollectionTakesFailed) && local.state == ChangeState::Failed {
            return true;
        }
        local.state.is_closed() && local.recorded_at_ms < self.history_before_ms
    }

    /// Whether a row may go: a tombstone that is old enough and has nothing on top.
    #[must_use]
    pub fn takes_record(&self, record: &Record) -> bool {
        let tombstone = record.base.as_ref().filter(|base| base.deleted);
        record.waiting == 0
            && tombstone
                .is_some_and(|row| row.latest_stamp().clock.ms() < self.tombstones_before_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{delete, insert};
    use crate::id::Id;
    use crate::row::Row;
    use crate::value::Fields;

    const NOW_MS: u64 = 3 * TOMBSTONE_MS;

    #[test]
    fn what_is_closed_goes_by_age_and_what_was_refused_never() {
        let collection = Collection::at(NOW_MS);
        let mut local = LocalChange::new(1, insert(1, 1, "text"), Fields::new());
        for (state, taken) in [
            (ChangeState::Pending, false),
            (ChangeState::InFlight, false),
            (ChangeState::Failed, false),
            (ChangeState::Done, true),
            (ChangeState::Skipped, true),
            (ChangeState::Superseded, true),
        ] {
            local.state = state;
            local.recorded_at_ms = NOW_MS - HISTORY_MS - 1;
            assert_eq!(collection.takes_change(&local), taken, "{state:?}");
            local.recorded_at_ms += 1;
            assert!(!collection.takes_change(&local));
        }
    }

    #[test]
    fn an_old_tombstone_goes_and_a_row_or_a_young_one_stays() {
        let collection = Collection::at(NOW_MS);
        let mut record = Record::empty("notes", Id::from_u128(1));
        assert!(!collection.takes_record(&record));
        let mut tombstone = Row::empty("notes", record.key);
        tombstone.deleted = true;
        let mut stamp = delete(1, 1).stamp;
        stamp.clock = crate::clock::Clock::at_ms(NOW_MS - TOMBSTONE_MS - 1);
        tombstone.stamps = [(crate::row::DELETED.into(), stamp)].into();
        record.base = Some(tombstone.clone());
        assert!(collection.takes_record(&record));
        stamp.clock = crate::clock::Clock::at_ms(NOW_MS - TOMBSTONE_MS);
        let young = [(crate::row::DELETED.into(), stamp)].into();
        record.base.as_mut().expect("a tombstone").stamps = young;
        assert!(!collection.takes_record(&record), "not yet older");
        record.base = Some(tombstone.clone());
        record.waiting = 1;
        assert!(
            !collection.takes_record(&record),
            "something lies on top of it"
        );
        record.waiting = 0;
        tombstone.deleted = false;
        record.base = Some(tombstone);
        assert!(!collection.takes_record(&record));
    }
}
