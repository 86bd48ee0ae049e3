//! What a synced table is. A table is declared once, as a struct that derives [`Synced`]; the
//! stores, the statements, the wire's checks and the queries all read its [`TableSpec`].

use crate::id::Id;
use crate::value::{FieldKind, Fields, Value};
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
}

impl TableSpec {
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

/// All synced tables, parents first: the order of every delta.
#[derive(Debug, PartialEq, Eq)]
pub struct Schema {
    /// The tables.
    pub tables: &'static [&'static TableSpec],
}

impl Schema {
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

    /// The value that travels.
    fn to_value(&self) -> Value;

    /// The typed value; nothing when the travelled one is of another type.
    fn from_value(value: &Value) -> Option<Self>;
}

impl<T: FieldType> FieldType for Option<T> {
    const KIND: FieldKind = T::KIND;
    const NULLABLE: bool = true;

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
