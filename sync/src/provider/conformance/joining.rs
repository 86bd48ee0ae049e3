//! Checks of long texts, of clocks, and of comparing both sides.

use super::device::{Device, Suite, code};
use super::edits::{applied, outcome};
use super::{Checked, Done, World, ensure};
use crate::change::{Change, Op};
use crate::clock::Clock;
use crate::digest::Digest;
use crate::frame::{Digests, Outcome, Standing, Verified, Verify};
use crate::limits::{DRIFT_MS_MAX, PATCH_BYTES_MIN};
use crate::provider::Reply;
use crate::row::Row;
use crate::scope::{Markers, OWN, Scope};
use crate::stamp::{Stamp, Stamps};
use crate::table::text;
use crate::text::{Patch, hash, patch};
use crate::value::{FieldKind, Value};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

const HOUR_MS: u64 = 60 * 60 * 1_000;

impl<W: World> Suite<'_, W> {
    pub(super) async fn wrong_clock(&mut self) -> Checked {
        for ahead in [true, false] {
            let mut device = self.device();
            let now_ms = self.world.mint().now_ms();
            let device_time_ms = match ahead {
                true => now_ms + HOUR_MS,
                false => now_ms.saturating_sub(HOUR_MS),
            };
            let mut insert = self.insert(&mut device);
            insert.stamp.clock = Clock::at_ms(device_time_ms);
            let changes: Vec<_> = [insert.clone()].into();
            let pushed = self.try_push(&mut device, changes, device_time_ms).await?;
            let result = pushed.map_err(|failure| format!("it was refused: {}", code(&failure)))?;
            let said = outcome(&result, &insert)?;
            let Outcome::Applied {
                stamp: Some(stamp), ..
            } = said
            else {
                return Err(format!("a stamp an hour off was answered {said:?}"));
            };
            let off_ms = stamp.clock.ms().abs_diff(result.server_time_ms);
            ensure!(off_ms <= DRIFT_MS_MAX, "the stamp is still {off_ms} ms off");
        }
        Ok(Done::Passed)
    }

    pub(super) async fn patched(&mut self) -> Checked {
        let Some((mut device, row, name)) = self.row_with_long_text().await? else {
            return Ok(Done::PassedOver(
                "the table has no text that is long enough",
            ));
        };
        let old = row
            .fields
            .get(name)
            .and_then(text)
            .cloned()
            .unwrap_or_default();
        let new = format!("First. {old}");
        let Some(made) = patch(self.rules.texts, &old, &new) else {
            return Ok(Done::PassedOver("the texts are compared otherwise"));
        };
        let update = self.patch_of(&mut device, &row, name, made);
        let result = self.push(&mut device, [update.clone()].into()).await?;
        applied(&result, &update)?;
        let fresh = self.live_device().await?;
        let told = fresh.row(OWN, self.table.name, row.key);
        let told = told.and_then(|row| row.fields.get(name)).and_then(text);
        ensure!(
            told == Some(&new),
            "the text is another one than the patch makes"
        );
        Ok(Done::Passed)
    }

    pub(super) async fn need_full(&mut self) -> Checked {
        let Some((mut device, mut row, name)) = self.row_with_long_text().await? else {
            return Ok(Done::PassedOver(
                "the table has no text that is long enough",
            ));
        };
        let unknown = self.world.mint().id();
        let stamp = Stamp {
            op_id: unknown,
            ..Stamp::ZERO
        };
        row.stamps.insert(name.to_string(), stamp);
        let made = Patch {
            splices: Vec::new(),
            hash: hash("a text that nobody has"),
        };
        let update = self.patch_of(&mut device, &row, name, made);
        let result = self.push(&mut device, [update.clone()].into()).await?;
        let said = outcome(&result, &update)?;
        ensure!(*said == Outcome::NeedFull {}, "it was answered {said:?}");
        Ok(Done::Passed)
    }

    fn patch_of(&mut self, device: &mut Device, row: &Row, name: &str, made: Patch) -> Change {
        let base: Stamps = row
            .stamps
            .clone()
            .into_iter()
            .filter(|(n, _)| n == name)
            .collect();
        Change {
            patches: [(name.to_string(), made)].into(),
            base,
            ..self.edit(device, Op::Update, row.key)
        }
    }

    async fn row_with_long_text(&mut self) -> Result<Option<(Device, Row, &'static str)>, String> {
        let enough = 2 * PATCH_BYTES_MIN;
        let Some(field) = self.long_text() else {
            return Ok(None);
        };
        if !matches!(field.kind, FieldKind::Text { bytes_max, .. } if bytes_max > 2 * enough) {
            return Ok(None);
        }
        let mut device = self.live_device().await?;
        let mut insert = self.insert(&mut device);
        let words = "All the words of a long day. ".repeat(enough / 29 + 1);
        insert
            .fields
            .insert(field.name.to_string(), Value::Text(words));
        let result = self.push(&mut device, [insert.clone()].into()).await?;
        applied(&result, &insert)?;
        self.hear_of(&mut device, insert.key).await?;
        let row = device.row(OWN, self.table.name, insert.key).cloned();
        Ok(row.map(|row| (device, row, field.name)))
    }

    pub(super) async fn verified(&mut self) -> Checked {
        let mut writer = self.device();
        let mut device = self.live_device().await?;
        self.row_of_both(&mut writer, &mut device).await?;
        let mut ours = self.digests(&device);
        let own = Scope::named(OWN);
        let markers = device.markers.clone();

        let said = self.verify(&mut device, &markers, &ours).await?;
        let mut standings = said.tables.values().flat_map(|tables| tables.values());
        let same = standings.all(|standing| *standing == Standing::Same);
        ensure!(
            same,
            "of two sides that are the same it was said: {:?}",
            said.tables
        );

        let nowhere = Markers::default();
        let said = self.verify(&mut device, &nowhere, &ours).await?;
        let name = self.table.name;
        let standing = |said: &Verified| said.tables.get(&own).and_then(|t| t.get(name)).copied();
        let behind = standing(&said);
        ensure!(
            behind == Some(Standing::Behind),
            "a device at the start is {behind:?}"
        );

        let fewer = device
            .rows
            .values()
            .filter(|row| row.table == name && !row.deleted);
        let tables = ours.entry(own.clone()).or_default();
        tables.insert(name.to_string(), Digest::of(fewer.skip(1)));
        let said = self.verify(&mut device, &markers, &ours).await?;
        let differs = standing(&said);
        ensure!(
            differs == Some(Standing::Differs),
            "a device with a row less is {differs:?}"
        );
        Ok(Done::Passed)
    }

    async fn verify(
        &mut self,
        device: &mut Device,
        markers: &Markers,
        digests: &Digests,
    ) -> Result<Verified, String> {
        let verify = Verify {
            device_id: device.id,
            markers: markers.clone(),
            digests: digests.clone(),
        };
        device.provider.verify(verify, device.sink.clone());
        let verified = |reply: &Reply| match reply {
            Reply::Verified(verified) => Some(verified.clone()),
            _ => None,
        };
        let verified = self.wait(device, "comparison", verified).await?;
        verified.map_err(|failure| format!("comparing failed: {}", code(&failure)))
    }

    /// The digests of all that a device was told, of every table that it knows.
    fn digests(&self, device: &Device) -> Digests {
        let mut digests = Digests::new();
        for table in self.rules.schema.tables {
            for scope in table.scopes.iter().map(|name| Scope::named(name)) {
                let theirs = device.rows.iter();
                let its = theirs.filter(|((s, t, _), _)| *s == scope && t == table.name);
                let digest = Digest::of(its.map(|(_, row)| row));
                let tables = digests.entry(scope).or_default();
                tables.insert(table.name.to_string(), digest);
            }
        }
        digests
    }
}
