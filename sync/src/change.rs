//! One edit, on its way: what it sets, and what its writer was looking at.

use crate::id::Id;
use crate::stamp::{Stamp, Stamps};
use crate::table::{Schema, TableSpec};
use crate::value::{Fields, Misfit};
use alloc::string::{String, ToString};
use serde::{Deserialize, Serialize};

/// What a change does to its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Sets every field; makes the row, or brings a deleted one back.
    #[serde(alias = "put")]
    Insert,
    /// Sets some fields of a row that exists.
    Update,
    /// Leaves a tombstone.
    Delete,
}

/// An edit of one row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Its name; a repeat with the same name changes nothing.
    #[serde(rename = "o")]
    pub op_id: Id,
    /// The table.
    #[serde(rename = "t")]
    pub table: String,
    /// The row.
    #[serde(rename = "k")]
    pub key: Id,
    /// What it does.
    #[serde(rename = "p")]
    pub op: Op,
    /// The values it sets.
    #[serde(rename = "f", default, skip_serializing_if = "Fields::is_empty")]
    pub fields: Fields,
    /// For each field, the stamp of the value its writer was looking at.
    #[serde(rename = "b", default, skip_serializing_if = "Stamps::is_empty")]
    pub base: Stamps,
    /// When it was made, and by whom. The fields it wins carry this very stamp.
    #[serde(rename = "s")]
    pub stamp: Stamp,
    /// Changes of one group are accepted or refused together.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Id>,
}

/// Why a change is not accepted. It changed nothing and no repeat of it will.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such table.
    #[error("there is no table called {0}")]
    UnknownTable(String),
    /// Rows of this table are not the device's to write.
    #[error("rows of {0} come with the server and are not written by devices")]
    NotWritable(String),
    /// No such field.
    #[error("the table has no field called {0}")]
    UnknownField(String),
    /// A new row must set every field.
    #[error("a new row sets every field, and {0} is missing")]
    MissingField(String),
    /// A value that does not fit.
    #[error("{field}: {misfit}")]
    Misfit {
        /// The field.
        field: String,
        /// What is wrong with the value.
        misfit: Misfit,
    },
    /// An update without fields, or a delete with some.
    #[error("an update sets at least one field, and a delete sets none")]
    Shape,
    /// The stamp names another change than the change itself.
    #[error("the stamp of a change names that change")]
    ForeignStamp,
}

impl Refusal {
    /// The word that programs go by.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownTable(_) => "unknown_table",
            Self::NotWritable(_) => "not_writable",
            Self::UnknownField(_) => "unknown_field",
            Self::MissingField(_) => "missing_field",
            Self::Misfit {
                misfit: Misfit::WrongType,
                ..
            } => "wrong_type",
            Self::Misfit {
                misfit: Misfit::TooLong { .. },
                ..
            } => "too_long",
            Self::Misfit {
                misfit: Misfit::Blank,
                ..
            } => "blank",
            Self::Shape => "bad_shape",
            Self::ForeignStamp => "foreign_stamp",
        }
    }
}

impl Change {
    /// Whether the change fits the schema. Asked on the device before an edit is kept and on
    /// the server before it is merged, so that both refuse the same things.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self, schema: &Schema) -> Result<&'static TableSpec, Refusal> {
        let table = schema
            .table(&self.table)
            .ok_or_else(|| Refusal::UnknownTable(self.table.clone()))?;
        if !table.lives_in(crate::scope::OWN) {
            return Err(Refusal::NotWritable(self.table.clone()));
        }
        if self.stamp.op_id != self.op_id {
            return Err(Refusal::ForeignStamp);
        }
        if (self.op == Op::Delete) != self.fields.is_empty() {
            return Err(Refusal::Shape);
        }
        check_fields(table, &self.fields)?;
        if let Some(unknown) = self.base.keys().find(|name| table.field(name).is_none()) {
            return Err(Refusal::UnknownField(unknown.clone()));
        }
        if self.op == Op::Insert
            && let Some(missing) = table
                .fields
                .iter()
                .find(|f| !self.fields.contains_key(f.name))
        {
            return Err(Refusal::MissingField(missing.name.to_string()));
        }
        Ok(table)
    }
}

fn check_fields(table: &TableSpec, fields: &Fields) -> Result<(), Refusal> {
    for (name, value) in fields {
        let field = table
            .field(name)
            .ok_or_else(|| Refusal::UnknownField(name.clone()))?;
        field
            .kind
            .check(value, field.nullable)
            .map_err(|misfit| Refusal::Misfit {
                field: name.clone(),
                misfit,
            })?;
    }
    Ok(())
}
