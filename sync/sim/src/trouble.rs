//! Servers that answer, but not what was hoped for: busy, failed, away, or with what does not fit.

use crate::history::Trouble;
use crate::server::Servers;
use crate::store::Store;
use crate::world::World;
use sync::device::event::Event;
use sync::device::outbox::ChangeState;
use sync::device::retry::LinkFailure;
use sync::frame::{Push, ServerFrame};
use sync::row::Row;
use sync::scope::Lsn;
use sync::table::text;
use sync::value::Value;

impl World {
    /// From now on, so many requests are answered like this.
    pub fn trouble(&mut self, device: usize, trouble: Trouble, amount: u32) {
        let device = device % self.devices.len();
        self.tell_story(|_| format!("trouble {trouble:?} {amount} at device {device}"));
        match trouble {
            Trouble::Misfit => drop(self.servers.misfits.insert(device, None)),
            Trouble::Busy | Trouble::Broken | Trouble::Away => {
                self.servers.answers = Some((trouble, amount));
            }
        }
    }

    /// Makes a row that a device is sent one that does not fit, until it has set it aside.
    pub fn misfit(&mut self, device: usize, frame: &mut ServerFrame) {
        let Some(place) = self.servers.misfits.get_mut(&device) else {
            return;
        };
        let rows = match frame {
            ServerFrame::Delta(delta) => &mut delta.rows,
            ServerFrame::Change(change) => &mut change.rows,
            ServerFrame::Head(head) => &mut head.rows,
            _ => return,
        };
        let living = rows.iter().find(|row| !row.deleted).map(|row| row.lsn);
        let Some(lsn) = place.or(living) else { return };
        if self.devices[device].store.aside().any(|aside| aside == lsn) {
            self.servers.misfits.remove(&device);
            return;
        }
        *place = Some(lsn);
        rows.iter_mut().filter(|row| row.lsn == lsn).for_each(spoil);
    }

    /// Somebody sees the mark of rows that were set aside, lets them go, and takes everything
    /// anew; tells whether there were any.
    pub fn let_go_of_what_is_aside(&mut self, device: usize, tab: usize) -> bool {
        let any = self.devices[device].store.aside().next().is_some();
        if any {
            self.servers.misfits.remove(&device);
            self.devices[device].store.discard_aside();
            self.dispatch(device, tab, Event::ResetAsked);
        }
        any
    }
}

/// A text in a place where none fits, or a number where a text belongs.
fn spoil(row: &mut Row) {
    if let Some(value) = row.fields.values_mut().find(|value| text(value).is_some()) {
        *value = Value::Integer(7);
    }
}

impl Servers {
    /// This text is refused until the calm.
    pub fn refuse(&mut self, text: &str) {
        self.refused.insert(text.to_owned());
        self.offensive.insert(text.to_owned());
    }

    /// A push with this text is refused until the calm.
    pub fn poison(&mut self, text: &str) {
        self.poison.insert(text.to_owned());
        self.offensive.insert(text.to_owned());
    }

    /// From now on, everything is taken and answered.
    pub fn heal(&mut self) {
        self.refused.clear();
        self.poison.clear();
        self.answers = None;
        // What was spoiled on its way stays so until it has been let go of.
        self.misfits.retain(|_, row| row.is_some());
    }

    /// What is answered to the next request in place of an answer, if anything.
    pub fn trouble(&mut self, is_push: bool) -> Option<LinkFailure> {
        let (trouble, left) = self.answers.as_mut().filter(|(_, left)| *left > 0)?;
        if *trouble == Trouble::Away && !is_push {
            return None;
        }
        *left -= 1;
        let (status, retry_after_ms) = match trouble {
            Trouble::Busy => (429, Some(1_500)),
            Trouble::Broken => (500, None),
            Trouble::Away | Trouble::Misfit => (504, None),
        };
        self.failures += u64::from(status == 500);
        Some(failure(status, retry_after_ms))
    }

    /// What is answered to a push in which there is something that makes it refused whole.
    #[must_use]
    pub fn is_poisoned(&self, push: &Push) -> Option<LinkFailure> {
        let values = push
            .changes
            .iter()
            .flat_map(|change| change.fields.values());
        let mut texts = values.filter_map(text);
        let poisoned = texts.any(|text| self.poison.contains(text));
        poisoned.then(|| failure(422, None))
    }
}

fn failure(status: u16, retry_after_ms: Option<u64>) -> LinkFailure {
    LinkFailure::Server {
        status,
        code: String::new(),
        retry_after_ms,
    }
}

impl Store {
    /// The positions of rows that were set aside.
    pub fn aside(&self) -> impl Iterator<Item = Lsn> {
        let aside = self.open().filter(|local| local.from_server);
        aside
            .filter(|local| local.state == ChangeState::Failed)
            .filter_map(|local| local.lsn)
    }
}
