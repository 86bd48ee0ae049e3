//! Whether a device may go on from where it says it stands.

use super::Positions;
use crate::frame::ServerError;
use crate::id::Id;
use crate::planted;
use crate::scope::{Lsn, Marker, Scope};

/// What stands in a marker below the purge floor for the change there, which the history need
/// not know any more: that its device began to take the state anew under this very floor. So
/// nothing was cleared out since that it could have missed, and it goes on where it was cut off.
fn begun_under(floor: Lsn) -> Id {
    Id::from_u128(floor.into())
}

impl Positions {
    /// Whether the server still has what it acknowledged. Below the floor nobody needs to know, if
    /// the feed has come further: `lowest` is where the device stands.
    pub(super) fn judge_witness(
        &self,
        scope: &Scope,
        witness: Marker,
        lowest: Marker,
    ) -> Result<(), ServerError> {
        let floor = self.floor(scope);
        match witness.lsn < floor && lowest.lsn >= floor {
            true => Ok(()),
            false => self.judge(scope, witness),
        }
    }

    /// Whether a device may go on from where it says it stands.
    pub(super) fn judge(&self, scope: &Scope, marker: Marker) -> Result<(), ServerError> {
        if marker == Marker::START || planted!(EpochIsNotNoticed) {
            return Ok(());
        }
        let ceiling = self.ceilings.get(scope).copied().unwrap_or_default();
        let floor = self.floor(scope);
        if marker.lsn < floor && marker.op_id == begun_under(floor) {
            return Ok(());
        }
        if marker.lsn < floor && !planted!(FloorIsNotNoticed) {
            return Err(cursor_expired());
        }
        let known = self.history.get(&(scope.clone(), marker.lsn));
        if marker.lsn > ceiling.lsn || known != Some(&marker.op_id) {
            return Err(epoch_changed());
        }
        Ok(())
    }

    /// The marker of a chunk that is not its table's last, so that a device which is cut off
    /// behind it may go on there.
    pub(super) fn resumable(&self, scope: &Scope, end: Marker) -> Marker {
        let floor = self.floor(scope);
        if end != Marker::START && end.lsn < floor {
            let op_id = begun_under(floor);
            Marker { op_id, ..end }
        } else {
            end
        }
    }

    pub(super) fn floor(&self, scope: &Scope) -> Lsn {
        self.floors.get(scope).copied().unwrap_or_default()
    }
}

fn epoch_changed() -> ServerError {
    ServerError::new(
        "epoch_changed",
        "This server's history is not the one this device knows. Nothing is lost: the device \
         keeps its words and offers the server what it has.",
    )
}

pub(super) fn cursor_expired() -> ServerError {
    ServerError::new(
        "cursor_expired",
        "This device was away for longer than the server remembers deletions. Nothing is lost: \
         the device keeps its unsent words and takes the rest anew.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lsn: Lsn, number: u128) -> Marker {
        let op_id = Id::from_u128(number);
        Marker { lsn, op_id }
    }

    /// A scope that ends at 9 and was cleared out up to this position.
    fn cleared_up_to(floor: Lsn) -> (Scope, Positions) {
        let own = Scope::named("own");
        let mut positions = Positions::default();
        positions.ceilings.insert(own.clone(), at(9, 90 << 64));
        positions.floors.insert(own.clone(), floor);
        (own, positions)
    }

    #[test]
    fn who_is_cut_off_goes_on_unless_more_was_cleared_out_since() {
        let (own, positions) = cleared_up_to(7);
        let half = positions.resumable(&own, at(4, 40 << 64));
        assert_eq!(half.lsn, 4);
        assert_eq!(positions.judge(&own, half), Ok(()));
        let (_, later) = cleared_up_to(8);
        let expired = Err(cursor_expired());
        assert_eq!(later.judge(&own, half), expired);
        assert_eq!(positions.judge(&own, at(4, 40 << 64)), expired);
    }

    #[test]
    fn above_the_floor_the_history_is_asked() {
        let (own, mut positions) = cleared_up_to(7);
        let marker = at(7, 70 << 64);
        assert_eq!(positions.resumable(&own, marker), marker);
        assert_eq!(positions.judge(&own, marker), Err(epoch_changed()));
        positions.history.insert((own.clone(), 7), marker.op_id);
        assert_eq!(positions.judge(&own, marker), Ok(()));
        assert_eq!(positions.resumable(&own, Marker::START), Marker::START);
    }
}
