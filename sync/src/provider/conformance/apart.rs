//! Checks of what a server makes of edits of one row that were made apart.

use super::device::{Device, Suite};
use super::edits::{applied, outcome};
use super::{Checked, Done, World, ensure};
use crate::change::{Change, Op};
use crate::clock::Clock;
use crate::frame::Outcome;
use crate::hub::revision::field as kept;
use crate::id::Id;
use crate::row::{DELETED, Row};
use crate::scope::OWN;
use crate::table::{FieldSpec, text};
use crate::value::{Fields, Value};
use alloc::format;
use alloc::string::{String, ToString};

const NO_PLAIN_FIELD: &str = "the table has only long texts and yes or no";

/// Two edits of one field that were made apart, both pushed, the later one first.
struct Apart {
    field: &'static FieldSpec,
    earlier: Change,
    later: Change,
    /// What the earlier one was answered.
    said: Outcome,
}

impl<W: World> Suite<'_, W> {
    async fn apart(&mut self) -> Result<Option<Apart>, String> {
        let Some(field) = self.plain_field() else {
            return Ok(None);
        };
        let (mut device, mut other, row) = self.two_with_a_row().await?;
        let earlier = self.update(&mut other, &row, field);
        let mut later = self.update(&mut device, &row, field);
        later.stamp.clock = later.stamp.clock.max(earlier.stamp.clock).after();
        let result = self.push(&mut device, [later.clone()].into()).await?;
        applied(&result, &later)?;
        let result = self.push(&mut other, [earlier.clone()].into()).await?;
        let said = outcome(&result, &earlier)?.clone();
        Ok(Some(Apart {
            field,
            earlier,
            later,
            said,
        }))
    }

    pub(super) async fn later_wins(&mut self) -> Checked {
        let Some(apart) = self.apart().await? else {
            return Ok(Done::PassedOver(NO_PLAIN_FIELD));
        };
        let name = apart.field.name;
        let Outcome::Applied {
            row, lost_fields, ..
        } = &apart.said
        else {
            return Err(format!("the earlier edit was answered {:?}", apart.said));
        };
        ensure!(
            *lost_fields == [name],
            "it was told to have lost {lost_fields:?}"
        );
        let stands = row.as_ref().and_then(|row| row.fields.get(name));
        let wins = apart.later.fields.get(name);
        ensure!(stands == wins, "{stands:?} stands where {wins:?} is later");
        let told = self.told_anew(apart.earlier.key).await?;
        let told = told.fields.get(name);
        ensure!(told == wins, "another device is told {told:?}");
        Ok(Done::Passed)
    }

    pub(super) async fn loser_kept(&mut self) -> Checked {
        let Some(kept_in) = self.table.revisions else {
            return Ok(Done::PassedOver("the table keeps no revisions"));
        };
        let Some(apart) = self.apart().await? else {
            return Ok(Done::PassedOver(NO_PLAIN_FIELD));
        };
        let fresh = self.live_device().await?;
        let of_row = Value::Text(apart.earlier.key.to_string());
        let lost = apart.earlier.fields.get(apart.field.name);
        let is_it = |row: &Row| {
            let is = |name: &str, value: &Value| row.fields.get(name) == Some(value);
            let same = row.fields.get(kept::TEXT).and_then(text) == as_text(lost).as_ref();
            row.table == kept_in
                && is(kept::ROW, &of_row)
                && is(kept::LOST, &Value::Boolean(true))
                && same
        };
        let found = fresh.rows.values().any(is_it);
        ensure!(found, "no revision in {kept_in} has what lost: {lost:?}");
        Ok(Done::Passed)
    }

    pub(super) async fn unseen_deletion(&mut self) -> Checked {
        let Some(field) = self.plain_field() else {
            return Ok(Done::PassedOver(NO_PLAIN_FIELD));
        };
        let (mut device, mut other, row) = self.two_with_a_row().await?;
        let update = self.update(&mut other, &row, field);
        let result = self.push(&mut other, [update.clone()].into()).await?;
        applied(&result, &update)?;
        let delete = self.delete(&mut device, &row);
        let result = self.push(&mut device, [delete.clone()].into()).await?;
        match outcome(&result, &delete)? {
            Outcome::Applied { lost_fields, .. } => {
                let told = *lost_fields == [DELETED];
                ensure!(told, "the deletion was told to have lost {lost_fields:?}");
            }
            said => return Err(format!("the deletion was answered {said:?}")),
        }
        let stands = self.told_anew(row.key).await?;
        ensure!(!stands.deleted, "it took an edit that it had not seen");
        Ok(Done::Passed)
    }

    pub(super) async fn revived(&mut self) -> Checked {
        let Some(field) = self.table.fields.first() else {
            return Ok(Done::PassedOver("the table has no fields"));
        };
        let (mut device, mut other, row) = self.two_with_a_row().await?;
        let delete = self.delete(&mut device, &row);
        let result = self.push(&mut device, [delete.clone()].into()).await?;
        applied(&result, &delete)?;
        let update = self.update(&mut other, &row, field);
        self.expect_gone(&mut other, update, "an edit").await?;
        let mut put = Change {
            fields: self.row_of(self.table),
            ..self.edit(&mut other, Op::Insert, row.key)
        };
        put.stamp.clock = Clock(delete.stamp.clock.0 - 1);
        self.expect_gone(&mut other, put, "a put made before it")
            .await?;
        let put = Change {
            fields: self.row_of(self.table),
            ..self.edit(&mut device, Op::Insert, row.key)
        };
        let result = self.push(&mut device, [put.clone()].into()).await?;
        applied(&result, &put)?;
        let back = self.told_anew(row.key).await?;
        let whole = !back.deleted && back.fields == put.fields;
        ensure!(whole, "after the put it is {back:?}");
        Ok(Done::Passed)
    }

    async fn expect_gone(
        &mut self,
        device: &mut Device,
        change: Change,
        what: &str,
    ) -> Result<(), String> {
        let result = self.push(device, [change.clone()].into()).await?;
        let said = outcome(&result, &change)?;
        let gone = matches!(said, Outcome::Gone { .. });
        ensure!(gone, "{what} was answered {said:?}");
        Ok(())
    }

    pub(super) async fn untrashed(&mut self) -> Checked {
        let trash = self.table.trash.and_then(|name| self.table.field(name));
        let (Some(trash), Some(field)) = (trash, self.plain_field()) else {
            return Ok(Done::PassedOver("the table has no trash"));
        };
        let (mut device, mut other, row) = self.two_with_a_row().await?;
        let put_away = Change {
            fields: Fields::from([(trash.name.to_string(), self.value(trash))]),
            base: row.stamps.clone(),
            ..self.edit(&mut device, Op::Update, row.key)
        };
        let result = self.push(&mut device, [put_away.clone()].into()).await?;
        applied(&result, &put_away)?;
        let away = self.told_anew(row.key).await?;
        let away = away.fields.get(trash.name) != Some(&Value::Null);
        ensure!(away, "what was put into the trash is not there");
        let update = self.update(&mut other, &row, field);
        let result = self.push(&mut other, [update.clone()].into()).await?;
        applied(&result, &update)?;
        let back = self.told_anew(row.key).await?;
        let (trashed, edited) = (back.fields.get(trash.name), back.fields.get(field.name));
        ensure!(
            trashed == Some(&Value::Null),
            "it stayed in the trash: {trashed:?}"
        );
        ensure!(
            edited == update.fields.get(field.name),
            "the edit is not in it: {edited:?}"
        );
        Ok(Done::Passed)
    }

    /// Two devices of which one made a row and the other was told of it.
    async fn two_with_a_row(&mut self) -> Result<(Device, Device, Row), String> {
        let mut device = self.live_device().await?;
        let mut other = self.device();
        let row = self.row_of_both(&mut other, &mut device).await?;
        Ok((device, other, row))
    }

    /// What a new device is told of a row.
    async fn told_anew(&mut self, key: Id) -> Result<Row, String> {
        let fresh = self.live_device().await?;
        let told = fresh.row(OWN, self.table.name, key).cloned();
        told.ok_or_else(|| "a new device is not told of the row".to_string())
    }
}

/// A value as a revision keeps it.
fn as_text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::Null => Some(String::new()),
        Value::Boolean(boolean) => Some(boolean.to_string()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Text(text) => Some(text.clone()),
    }
}
