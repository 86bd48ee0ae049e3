//! Edits of any table, made from its declaration.

use super::World;
use super::device::{Device, Suite};
use crate::change::{Change, Op};
use crate::frame::{Outcome, PushResult};
use crate::row::Row;
use crate::scope::OWN;
use crate::stamp::{Stamp, Stamps};
use crate::table::{FieldSpec, TableSpec};
use crate::value::{FieldKind, Fields, Value};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};

impl<W: World> Suite<'_, W> {
    /// A change of the table, stamped by the device.
    pub(super) fn edit(&mut self, device: &mut Device, op: Op, key: crate::id::Id) -> Change {
        let mut mint = self.world.mint();
        let op_id = mint.id();
        device.clock = device.clock.tick(mint.now_ms());
        Change {
            op_id,
            table: self.table.name.to_string(),
            key,
            op,
            fields: Fields::new(),
            patches: BTreeMap::new(),
            base: Stamps::new(),
            stamp: Stamp {
                clock: device.clock,
                node: device.id,
                op_id,
            },
            stamps: None,
            group: None,
        }
    }

    /// A new row.
    pub(super) fn insert(&mut self, device: &mut Device) -> Change {
        let key = self.world.mint().id();
        let fields = self.row_of(self.table);
        Change {
            fields,
            ..self.edit(device, Op::Insert, key)
        }
    }

    /// Sets one field of a row as the device was told it.
    pub(super) fn update(&mut self, device: &mut Device, row: &Row, field: &FieldSpec) -> Change {
        let value = self.value(field);
        let seen = row.stamps.get(field.name);
        Change {
            fields: [(field.name.to_string(), value)].into(),
            base: seen
                .map(|stamp| (field.name.to_string(), *stamp))
                .into_iter()
                .collect(),
            ..self.edit(device, Op::Update, row.key)
        }
    }

    /// Deletes a row as the device was told it.
    pub(super) fn delete(&mut self, device: &mut Device, row: &Row) -> Change {
        Change {
            base: row.stamps.clone(),
            ..self.edit(device, Op::Delete, row.key)
        }
    }

    /// A change that no server can take: it sets a field that there is not.
    pub(super) fn bad(&mut self, device: &mut Device) -> Change {
        let mut bad = self.insert(device);
        bad.fields.insert("no_such_field".to_string(), Value::Null);
        bad
    }

    /// Makes a row on the server, and reads of it on a stream that stands.
    pub(super) async fn row_of_both(
        &mut self,
        writer: &mut Device,
        other: &mut Device,
    ) -> Result<Row, String> {
        let insert = self.insert(writer);
        let key = insert.key;
        let result = self.push(writer, [insert.clone()].into()).await?;
        applied(&result, &insert)?;
        self.hear_of(other, key).await?;
        let row = other.row(OWN, self.table.name, key).cloned();
        row.ok_or_else(|| "a row that arrived is of another table".to_string())
    }

    /// Fields for a new row of a table.
    pub(super) fn row_of(&mut self, table: &TableSpec) -> Fields {
        let mut fields = Fields::new();
        for field in table.fields {
            let value = match table.trash {
                Some(trash) if trash == field.name => Value::Null,
                _ => self.value(field),
            };
            fields.insert(field.name.to_string(), value);
        }
        fields
    }

    /// A value for the field, another one each time as far as its kind has others.
    pub(super) fn value(&mut self, field: &FieldSpec) -> Value {
        self.number += 1;
        let number = self.number;
        match field.kind {
            FieldKind::Text { bytes_max, .. } => {
                let text: String = format!("{number} words").chars().take(bytes_max).collect();
                Value::Text(text)
            }
            FieldKind::Day => Value::Text(format!(
                "20{:02}-01-{:02}",
                number / 28 % 100,
                number % 28 + 1
            )),
            FieldKind::Integer => Value::Integer(number.into()),
            FieldKind::Boolean => Value::Boolean(number.is_multiple_of(2)),
            FieldKind::Id => Value::Text(self.world.mint().id().to_string()),
        }
    }

    /// A field that has more than two values and is not joined.
    pub(super) fn plain_field(&self) -> Option<&'static FieldSpec> {
        let table = self.table;
        let plain = |field: &&FieldSpec| {
            !field.merged && field.kind != FieldKind::Boolean && table.trash != Some(field.name)
        };
        table.fields.iter().find(plain)
    }

    /// A long text.
    pub(super) fn long_text(&self) -> Option<&'static FieldSpec> {
        self.table.fields.iter().find(|field| field.merged)
    }
}

/// What became of a change.
pub(super) fn outcome<'r>(result: &'r PushResult, change: &Change) -> Result<&'r Outcome, String> {
    let outcome = result.outcomes.get(&change.op_id);
    outcome.ok_or_else(|| "a change got no outcome".to_string())
}

/// The position of a change that must have been applied.
pub(super) fn applied(result: &PushResult, change: &Change) -> Result<u64, String> {
    match outcome(result, change)? {
        Outcome::Applied { lsn, .. } => Ok(*lsn),
        other => Err(format!(
            "a change should be applied and was answered {other:?}"
        )),
    }
}

/// The code with which a change must have been rejected.
pub(super) fn rejected(result: &PushResult, change: &Change) -> Result<String, String> {
    match outcome(result, change)? {
        Outcome::Rejected { code, .. } => Ok(code.clone()),
        other => Err(format!(
            "a change should be rejected and was answered {other:?}"
        )),
    }
}
