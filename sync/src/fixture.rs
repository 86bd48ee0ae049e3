//! A small schema and short ways to say things, for this crate's tests.

use crate::change::{Change, Op};
use crate::clock::Clock;
use crate::id::Id;
use crate::stamp::{Stamp, Stamps};
use crate::table::{FieldSpec, Schema, TableSpec};
use crate::value::{FieldKind, Fields, Value};

pub(crate) static NOTES: TableSpec = TableSpec {
    name: "notes",
    fields: &[
        FieldSpec {
            name: "text",
            kind: FieldKind::Text {
                bytes_max: 64,
                blank: false,
            },
            nullable: false,
        },
        FieldSpec {
            name: "pinned",
            kind: FieldKind::Boolean,
            nullable: true,
        },
    ],
    indexes: &[],
    scopes: &["own"],
};

static HINTS: TableSpec = TableSpec {
    name: "hints",
    fields: &[FieldSpec {
        name: "text",
        kind: FieldKind::Text {
            bytes_max: 64,
            blank: false,
        },
        nullable: false,
    }],
    indexes: &[],
    scopes: &["library"],
};

pub(crate) static SCHEMA: Schema = Schema {
    tables: &[&HINTS, &NOTES],
};

pub(crate) fn change(op: Op, key: u128, at: u64, fields: Fields) -> Change {
    let op_id = Id::from_u128(u128::from(at) << 32 | key);
    Change {
        op_id,
        table: "notes".into(),
        key: Id::from_u128(key),
        op,
        fields,
        base: Stamps::new(),
        stamp: Stamp {
            clock: Clock(at),
            node: Id::from_u128(7),
            op_id,
        },
        group: None,
    }
}

pub(crate) fn insert(key: u128, at: u64, text: &str) -> Change {
    let fields = Fields::from([("text".into(), text.into()), ("pinned".into(), Value::Null)]);
    change(Op::Insert, key, at, fields)
}

pub(crate) fn update(key: u128, at: u64, field: &str, value: Value) -> Change {
    change(Op::Update, key, at, Fields::from([(field.into(), value)]))
}

pub(crate) fn delete(key: u128, at: u64) -> Change {
    change(Op::Delete, key, at, Fields::new())
}
