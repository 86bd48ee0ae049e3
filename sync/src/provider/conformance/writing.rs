//! Checks of pushing: what each change is answered, and what it leaves.

use super::device::Suite;
use super::edits::{applied, outcome, rejected};
use super::{Checked, Done, World, ensure};
use crate::change::{Change, Group, Op};
use crate::device::retry::FailureClass;
use crate::frame::Outcome;
use crate::limits::PUSH_CHANGES_MAX;
use crate::provider::Reply;
use crate::scope::{Marker, OWN, Scope};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

impl<W: World> Suite<'_, W> {
    pub(super) async fn answered(&mut self) -> Checked {
        let mut device = self.device();
        let changes: Vec<_> = (0..3).map(|_| self.insert(&mut device)).collect();
        let result = self.push(&mut device, changes.clone()).await?;
        let mut last = 0;
        for change in &changes {
            let lsn = applied(&result, change)?;
            ensure!(
                lsn > last,
                "a later change of a push has the position {lsn} after {last}"
            );
            last = lsn;
        }
        for _ in 0..self.world.silence_turns() {
            self.turn().await;
            let again = device.take(|reply| matches!(reply, Reply::Pushed(_)).then_some(()));
            ensure!(again.is_none(), "one push was answered twice");
        }
        Ok(Done::Passed)
    }

    pub(super) async fn repeated(&mut self) -> Checked {
        let mut device = self.device();
        let insert = self.insert(&mut device);
        let result = self.push(&mut device, [insert.clone()].into()).await?;
        let first = outcome(&result, &insert)?.clone();
        applied(&result, &insert)?;
        let before = self.end().await?;
        let result = self.push(&mut device, [insert.clone()].into()).await?;
        let again = outcome(&result, &insert)?;
        let expected = Outcome::Duplicate {
            outcome: Box::new(first),
        };
        ensure!(*again == expected, "it was answered {again:?}");
        let after = self.end().await?;
        ensure!(
            after == before,
            "the scope went from {} to {}",
            before.lsn,
            after.lsn
        );
        Ok(Done::Passed)
    }

    pub(super) async fn limit(&mut self) -> Checked {
        let mut device = self.device();
        let mut changes: Vec<_> = (0..PUSH_CHANGES_MAX)
            .map(|_| self.insert(&mut device))
            .collect();
        self.push(&mut device, changes.clone()).await?;
        let before = self.end().await?;
        for change in &mut changes {
            change.op_id = self.world.mint().id();
            change.stamp.op_id = change.op_id;
            change.key = self.world.mint().id();
        }
        let one_more = self.insert(&mut device);
        changes.push(one_more);
        let now_ms = self.world.mint().now_ms();
        match self.try_push(&mut device, changes, now_ms).await? {
            Ok(_) => return Err(format!("a push of {} was taken", PUSH_CHANGES_MAX + 1)),
            Err(failure) => {
                let class = failure.class();
                let refused = matches!(class, FailureClass::Refused { .. });
                ensure!(refused, "it failed as {class:?}: {failure:?}");
            }
        }
        let after = self.end().await?;
        ensure!(after == before, "some of it was taken all the same");
        Ok(Done::Passed)
    }

    pub(super) async fn unknown_row(&mut self) -> Checked {
        let mut device = self.device();
        let insert = self.insert(&mut device);
        let update = Change {
            op: Op::Update,
            ..insert
        };
        let result = self.push(&mut device, [update.clone()].into()).await?;
        let said = outcome(&result, &update)?;
        ensure!(
            matches!(said, Outcome::Gone { .. }),
            "it was answered {said:?}"
        );
        Ok(Done::Passed)
    }

    pub(super) async fn bad_alone(&mut self) -> Checked {
        let mut device = self.device();
        let (one, bad, other) = (
            self.insert(&mut device),
            self.bad(&mut device),
            self.insert(&mut device),
        );
        let unknown = Change {
            table: "no_such_table".into(),
            ..self.insert(&mut device)
        };
        let changes = [one.clone(), bad.clone(), unknown.clone(), other.clone()];
        let result = self.push(&mut device, changes.into()).await?;
        applied(&result, &one)?;
        applied(&result, &other)?;
        let codes = [rejected(&result, &bad)?, rejected(&result, &unknown)?];
        ensure!(
            codes == ["unknown_field", "unknown_table"],
            "they were refused as {codes:?}"
        );
        Ok(Done::Passed)
    }

    pub(super) async fn group_whole(&mut self) -> Checked {
        let mut device = self.live_device().await?;
        let mut writer = self.device();
        let (one, other) = (self.insert(&mut writer), self.insert(&mut writer));
        let group = self.grouped([one, other]);
        let result = self.push(&mut writer, group.clone().into()).await?;
        for change in &group {
            applied(&result, change)?;
        }
        let change = self.hear_of(&mut device, group[0].key).await?;
        let both = change.rows.iter().any(|row| row.key == group[1].key);
        ensure!(both, "one of two came alone");
        Ok(Done::Passed)
    }

    pub(super) async fn groups_in_chunks(&mut self) -> Checked {
        // Two ends of a page lie among these, and 100 is no multiple of 40.
        let size = 40;
        let mut writer = self.device();
        for _ in 0..5 {
            let id = self.world.mint().id();
            let mut group: Vec<_> = (0..size).map(|_| self.insert(&mut writer)).collect();
            for change in &mut group {
                change.group = Some(Group { id, size });
            }
            let result = self.push(&mut writer, group.clone()).await?;
            applied(&result, &group[0])?;
        }
        // That no group was cut has been seen: every chunk is held to it.
        self.live_device().await?;
        Ok(Done::Passed)
    }

    pub(super) async fn group_refused(&mut self) -> Checked {
        let mut device = self.live_device().await?;
        let mut writer = self.device();
        let (good, bad) = (self.insert(&mut writer), self.bad(&mut writer));
        let group = self.grouped([good, bad]);
        let result = self.push(&mut writer, group.clone().into()).await?;
        let [good, bad] = &group;
        let codes = [rejected(&result, good)?, rejected(&result, bad)?];
        ensure!(
            codes == ["group_refused", "unknown_field"],
            "they were refused as {codes:?}"
        );
        self.hear_nothing(&mut device).await?;
        Ok(Done::Passed)
    }

    pub(super) async fn group_torn(&mut self) -> Checked {
        let mut writer = self.device();
        let (one, other) = (self.insert(&mut writer), self.insert(&mut writer));
        let [one, _] = self.grouped([one, other]);
        let result = self.push(&mut writer, [one.clone()].into()).await?;
        let code = rejected(&result, &one)?;
        ensure!(code == "bad_group", "it was refused as {code}");
        Ok(Done::Passed)
    }

    fn grouped(&mut self, mut changes: [Change; 2]) -> [Change; 2] {
        let id = self.world.mint().id();
        for change in &mut changes {
            change.group = Some(Group { id, size: 2 });
        }
        changes
    }

    /// Where the person's journal ends.
    async fn end(&mut self) -> Result<Marker, String> {
        let mut device = self.device();
        let catch_up = self.catch_up(&mut device).await?;
        device.provider.unsubscribe(device.link);
        let end = catch_up.ceilings().get(&Scope::named(OWN)).copied();
        Ok(end.unwrap_or_default())
    }
}
