//! What a synced table is. A table is declared once, as a struct that derives [`Synced`]; the
//! stores, the statements, the wire's checks and the queries all read its [`TableSpec`].

use crate::id::Id;
use crate::value::{FieldKind, Fields, Value};
use crate::version::VersionStep;
use alloc::string::String;

pub use sync_derive::Synced;

/// A field of a synced table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSpec {
    /// Its name, in the struct, on the wire, in IndexedDB and in SQL.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether it may hold nothing.
    pub nullable: bool,
    /// A long text: two edits made apart are joined, and the loser of none is dropped.
    pub merged: bool,
}

/// A synced table: everything the engine and the stores need to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableSpec {
    /// Its name, the same everywhere.
    pub name: &'static str,
    /// Its fields but for the key, in the order of their declaration.
    pub fields: &'static [FieldSpec],
    /// The fields a page may order and range by.
    pub indexes: &'static [&'static str],
    /// The scopes whose rows it may hold, by name.
    pub scopes: &'static [&'static str],
    /// The nullable field that puts a row into the trash, if it has one. An edit of any other
    /// field by somebody who had not seen that brings the row back.
    pub trash: Option<&'static str>,
    /// The table that keeps what lost and what was written over, if there is one.
    pub revisions: Option<&'static str>,
    /// Its rows are written by the server alone, whatever their scope.
    pub server_only: bool,
}

impl TableSpec {
    /// A table with nothing special about it.
    #[must_use]
    pub const fn new(
        name: &'static str,
        fields: &'static [FieldSpec],
        scopes: &'static [&'static str],
    ) -> Self {
        Self {
            name,
            fields,
            indexes: &[],
            scopes,
            trash: None,
            revisions: None,
            server_only: false,
        }
    }

    /// The same with these indexes.
    #[must_use]
    pub const fn indexed_by(self, indexes: &'static [&'static str]) -> Self {
        Self { indexes, ..self }
    }

    /// The same with this field as its trash.
    #[must_use]
    pub const fn with_trash(self, field: &'static str) -> Self {
        Self {
            trash: Some(field),
            ..self
        }
    }

    /// The same, its revisions kept in that table.
    #[must_use]
    pub const fn with_revisions(self, table: &'static str) -> Self {
        Self {
            revisions: Some(table),
            ..self
        }
    }

    /// The same, written by the server alone.
    #[must_use]
    pub const fn by_the_server(self) -> Self {
        Self {
            server_only: true,
            ..self
        }
    }

    /// The indexed field that holds its calendar day, if it has one: what "newest" goes by.
    #[must_use]
    pub fn day(&self) -> Option<&'static str> {
        let is_day = |name: &&&str| self.field(name).is_some_and(|f| f.kind == FieldKind::Day);
        self.indexes.iter().find(is_day).copied()
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&'static FieldSpec> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether rows of this scope live in this table.
    #[must_use]
    pub fn lives_in(&self, scope: &str) -> bool {
        self.scopes.contains(&scope)
    }
}

impl FieldSpec {
    /// A field that must hold something.
    #[must_use]
    pub const fn new(name: &'static str, kind: FieldKind) -> Self {
        Self {
            name,
            kind,
            nullable: false,
            merged: false,
        }
    }

    /// The same, and it may hold nothing.
    #[must_use]
    pub const fn or_nothing(self) -> Self {
        Self {
            nullable: true,
            ..self
        }
    }

    /// The same, as a long text whose edits are joined.
    #[must_use]
    pub const fn joined(self) -> Self {
        Self {
            merged: true,
            ..self
        }
    }
}

/// All synced tables, parents first: the order of every delta.
#[derive(Debug)]
pub struct Schema {
    /// The tables.
    pub tables: &'static [&'static TableSpec],
    /// The version of the tables' form; raised with every change of it.
    pub version: u32,
    /// How changes and rows go from one version to the next, the last one leading to
    /// [`Schema::version`].
    pub steps: &'static [VersionStep],
}

impl Schema {
    /// These tables, in their first version.
    #[must_use]
    pub const fn of(tables: &'static [&'static TableSpec]) -> Self {
        Self {
            tables,
            version: 1,
            steps: &[],
        }
    }

    /// The table of this name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&'static TableSpec> {
        self.tables.iter().find(|table| table.name == name).copied()
    }
}

/// A stored field does not hold what its type promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the field {field} of a stored row is missing or holds another type")]
pub struct FieldError {
    /// The field.
    pub field: &'static str,
}

/// A row type that is kept in agreement between devices. Derive it.
pub trait Synced: Sized {
    /// The declaration of its table.
    const TABLE: &'static TableSpec;

    /// The row's key, made by the device that made the row.
    fn key(&self) -> Id;

    /// All fields but the key.
    fn to_fields(&self) -> Fields;

    /// The row of this key and these fields. Fields this type does not know are passed over.
    ///
    /// # Errors
    /// Names the first field that is missing or of another type.
    fn from_fields(key: Id, fields: &Fields) -> Result<Self, FieldError>;
}

/// A type that a synced field may have.
pub trait FieldType: Sized {
    /// What the field holds.
    const KIND: FieldKind;
    /// Whether it may hold nothing.
    const NULLABLE: bool = false;
    /// Whether it is a long text whose edits are joined.
    const MERGED: bool = false;

    /// The value that travels.
    fn to_value(&self) -> Value;

    /// The typed value; nothing when the travelled one is of another type.
    fn from_value(value: &Value) -> Option<Self>;
}

impl<T: FieldType> FieldType for Option<T> {
    const KIND: FieldKind = T::KIND;
    const NULLABLE: bool = true;
    const MERGED: bool = T::MERGED;

    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::to_value)
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl FieldType for bool {
    const KIND: FieldKind = FieldKind::Boolean;

    fn to_value(&self) -> Value {
        Value::Boolean(*self)
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Boolean(boolean) => Some(*boolean),
            _ => None,
        }
    }
}

impl FieldType for i64 {
    const KIND: FieldKind = FieldKind::Integer;

    fn to_value(&self) -> Value {
        Value::Integer(*self)
    }

    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(number) => Some(*number),
            _ => None,
        }
    }
}

impl FieldType for Id {
    const KIND: FieldKind = FieldKind::Id;

    fn to_value(&self) -> Value {
        Value::Text(alloc::string::ToString::to_string(self))
    }

    fn from_value(value: &Value) -> Option<Self> {
        text(value)?.parse().ok()
    }
}

/// The text in a value, if it is one.
#[must_use]
pub fn text(value: &Value) -> Option<&String> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// One field of a row as its type. What the derive macro calls.
///
/// # Errors
/// The field is missing or of another type.
pub fn read_field<T: FieldType>(fields: &Fields, field: &'static str) -> Result<T, FieldError> {
    let value = fields.get(field).unwrap_or(&Value::Null);
    T::from_value(value).ok_or(FieldError { field })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value as it travels, and back.
    fn comes_back<T: FieldType + PartialEq + core::fmt::Debug>(value: T) {
        assert_eq!(T::from_value(&value.to_value()), Some(value));
    }

    #[test]
    fn a_typed_value_comes_back_from_the_travelled_one() {
        comes_back(true);
        comes_back(false);
        comes_back(7_i64);
        comes_back(Id::from_u128(7));
        comes_back(Some(7_i64));
        comes_back(None::<bool>);
    }

    #[test]
    fn a_value_of_another_type_is_none_of_ours() {
        let text = Value::from("seven");
        assert_eq!(bool::from_value(&text), None);
        assert_eq!(i64::from_value(&text), None);
        assert_eq!(Id::from_value(&text), None);
        assert_eq!(Option::<i64>::from_value(&text), None);
    }
}
