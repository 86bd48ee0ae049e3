//! A small journal, for tests of the protocol: a table of the library, one of the person's with
//! everything a table can have, and one that the server writes.

use sync::rules::Rules;
use sync::table::{FieldSpec, Schema, TableSpec};
use sync::text::WholeTexts;
use sync::value::FieldKind;

const LINE: FieldKind = FieldKind::Text {
    bytes_max: 200,
    blank: true,
};
const WORDS: FieldKind = FieldKind::Text {
    bytes_max: 20_000,
    blank: false,
};

static PROMPTS: TableSpec =
    TableSpec::new("prompts", &[FieldSpec::new("text", WORDS)], &["library"]);

static ENTRIES: TableSpec = TableSpec::new(
    "entries",
    &[
        FieldSpec::new("day", FieldKind::Day),
        FieldSpec::new("title", LINE),
        FieldSpec::new("body", WORDS).joined(),
        FieldSpec::new("prompt_id", FieldKind::Id).or_nothing(),
        FieldSpec::new("starred", FieldKind::Boolean),
        FieldSpec::new("trashed_at", FieldKind::Integer).or_nothing(),
    ],
    &["own"],
)
.indexed_by(&["day"])
.with_trash("trashed_at")
.with_revisions("entry_revisions");

static REVISIONS: TableSpec = TableSpec::new(
    "entry_revisions",
    &[
        FieldSpec::new("row_key", FieldKind::Id),
        FieldSpec::new("field", LINE),
        FieldSpec::new(
            "text",
            FieldKind::Text {
                bytes_max: 20_000,
                blank: true,
            },
        ),
        FieldSpec::new("written_at", FieldKind::Integer),
        FieldSpec::new("device_id", FieldKind::Id),
        FieldSpec::new("lost", FieldKind::Boolean),
    ],
    &["own"],
)
.by_the_server();

static SCHEMA: Schema = Schema::of(&[&PROMPTS, &ENTRIES, &REVISIONS]);

/// What the journal says.
pub(crate) const RULES: Rules = Rules {
    schema: &SCHEMA,
    texts: &WholeTexts,
};
