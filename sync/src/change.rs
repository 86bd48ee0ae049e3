//! One edit, on its way: what it sets, and what its writer was looking at.

use crate::id::Id;
use crate::limits::GROUP_CHANGES_MAX;
use crate::row::DELETED;
use crate::scope::OWN;
use crate::stamp::{Stamp, Stamps};
use crate::table::{Schema, TableSpec};
use crate::text::Patch;
use crate::value::{Fields, Misfit};
use alloc::collections::BTreeMap;
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

/// The changes that are accepted or refused together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name.
    #[serde(rename = "i")]
    pub id: Id,
    /// How many changes belong to it.
    #[serde(rename = "n")]
    pub size: usize,
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
    /// The long texts it sets, as patches on the texts that `base` names.
    #[serde(rename = "x", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub patches: BTreeMap<String, Patch>,
    /// For each field, the stamp of the value its writer was looking at. Besides the fields it
    /// sets, an edit names its row's trash, and a trash or a deletion names all of the row.
    #[serde(rename = "b", default, skip_serializing_if = "Stamps::is_empty")]
    pub base: Stamps,
    /// When it was made, and by whom. The fields it wins carry this very stamp.
    #[serde(rename = "s")]
    pub stamp: Stamp,
    /// The stamps that the values have already, when a device offers back a row that a server
    /// lost. Each value is then joined by its own stamp instead of by the change's.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub stamps: Option<Stamps>,
    /// The changes it is accepted or refused with.
    #[serde(rename = "g", default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
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
    /// A patch where only a whole value will do.
    #[error("{0} is no long text of a row that exists, so it does not travel as a patch")]
    NotPatched(String),
    /// Another change of its group is refused.
    #[error("another change of the same group was refused, and they are kept together")]
    Group,
    /// Some of its group are missing, are too many, or edit one row twice.
    #[error("a group travels whole, has at most {GROUP_CHANGES_MAX} changes and each row once")]
    GroupShape,
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
            Self::Misfit {
                misfit: Misfit::Nul,
                ..
            } => "has_nul",
            Self::Shape => "bad_shape",
            Self::ForeignStamp => "foreign_stamp",
            Self::NotPatched(_) => "not_patched",
            Self::Group => "group_refused",
            Self::GroupShape => "bad_group",
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
        // Even rows that only a server writes may be offered back to one that lost them.
        let by_the_server = table.server_only && self.stamps.is_none();
        if by_the_server || !table.lives_in(OWN) {
            return Err(Refusal::NotWritable(self.table.clone()));
        }
        if self.stamp.op_id != self.op_id {
            return Err(Refusal::ForeignStamp);
        }
        if (self.op == Op::Delete) != (self.fields.is_empty() && self.patches.is_empty()) {
            return Err(Refusal::Shape);
        }
        table.check(&self.fields)?;
        let patched = |name: &String| {
            let merged = table.field(name).is_some_and(|field| field.merged);
            merged && self.op == Op::Update && !self.fields.contains_key(name)
        };
        if let Some(name) = self.patches.keys().find(|name| !patched(name)) {
            return Err(Refusal::NotPatched(name.clone()));
        }
        let mut named = self
            .base
            .keys()
            .chain(self.stamps.iter().flat_map(Stamps::keys));
        if let Some(unknown) = named.find(|name| *name != DELETED && table.field(name).is_none()) {
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

impl TableSpec {
    /// Whether these values fit their fields. Fields that are not there are not asked for.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self, fields: &Fields) -> Result<(), Refusal> {
        for (name, value) in fields {
            let field = self
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
}
