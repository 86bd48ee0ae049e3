//! The tables that are written to: small ones with everything that a table can have, the
//! version before them, and now and then the journal's own.

use domain::prose::PROSE;
use sync::rules::Rules;
use sync::table::{FieldSpec, Schema, TableSpec};
use sync::value::{FieldKind, Value};
use sync::version::VersionStep;

const LONG: FieldKind = text(4_096);
const SHORT: FieldKind = text(256);

const fn text(bytes_max: usize) -> FieldKind {
    FieldKind::Text {
        bytes_max,
        blank: true,
    }
}

static HINTS: TableSpec = TableSpec::new("hints", &[FieldSpec::new("text", SHORT)], &["library"]);

static PAGES: TableSpec = TableSpec::new(
    "pages",
    &[
        FieldSpec::new("title", SHORT),
        FieldSpec::new("body", LONG).joined(),
        FieldSpec::new("day", FieldKind::Day),
        FieldSpec::new("mood", FieldKind::Integer).or_nothing(),
        FieldSpec::new("trashed_at", FieldKind::Integer).or_nothing(),
    ],
    &["own"],
)
.indexed_by(&["day"])
.with_trash("trashed_at")
.with_revisions("page_revisions");

/// Before there were moods.
static OLD_PAGES: TableSpec = TableSpec::new(
    "pages",
    &[
        FieldSpec::new("title", SHORT),
        FieldSpec::new("body", LONG).joined(),
        FieldSpec::new("day", FieldKind::Day),
        FieldSpec::new("trashed_at", FieldKind::Integer).or_nothing(),
    ],
    &["own"],
)
.indexed_by(&["day"])
.with_trash("trashed_at")
.with_revisions("page_revisions");

static TAGS: TableSpec = TableSpec::new(
    "tags",
    &[
        FieldSpec::new("label", SHORT),
        FieldSpec::new("pinned", FieldKind::Boolean).or_nothing(),
    ],
    &["own"],
)
.with_revisions("page_revisions");

static REVISIONS: TableSpec = TableSpec::new(
    "page_revisions",
    &[
        FieldSpec::new("row_key", FieldKind::Id),
        FieldSpec::new("field", SHORT),
        FieldSpec::new("text", LONG),
        FieldSpec::new("written_at", FieldKind::Integer),
        FieldSpec::new("device_id", FieldKind::Id),
        FieldSpec::new("lost", FieldKind::Boolean),
    ],
    &["own"],
)
.by_the_server();

static STEPS: [VersionStep; 1] = [VersionStep {
    raise: |change| {
        let whole = change.table == "pages" && change.op == sync::change::Op::Insert;
        if whole && !change.fields.contains_key("mood") {
            change.fields.insert("mood".into(), Value::Null);
        }
    },
    lower: |row| {
        if row.table == "pages" {
            row.fields.remove("mood");
        }
    },
}];

static SMALL: Schema = Schema {
    tables: &[&HINTS, &PAGES, &TAGS, &REVISIONS],
    version: 2,
    steps: &STEPS,
};

static BEFORE: Schema = Schema::of(&[&HINTS, &OLD_PAGES, &TAGS, &REVISIONS]);

/// The small tables.
pub const RULES: Rules = Rules {
    schema: &SMALL,
    texts: &PROSE,
};

/// The version before the small tables.
pub const OLD_RULES: Rules = Rules {
    schema: &BEFORE,
    texts: &PROSE,
};

/// The tables that devices write, of these rules.
pub fn written(rules: &Rules) -> impl Iterator<Item = &'static TableSpec> {
    let tables = rules.schema.tables.iter().copied();
    tables.filter(|table| table.lives_in("own") && !table.server_only)
}
