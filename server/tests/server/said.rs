//! What devices and servers say: edits as a device makes them, and what it makes of frames.

use domain::kinds::{Day, Moment};
use domain::{JournalEntry, RULES};
use sync::change::{Change, Group, Op};
use sync::clock::Clock;
use sync::frame::{DeviceFrame, Hello, Outcome, Push, ServerFrame};
use sync::id::Id;
use sync::row::{DELETED, Row};
use sync::scope::{Lsn, Marker, Markers, Scope};
use sync::stamp::{Stamp, Stamps};
use sync::table::Synced as _;
use sync::text::patch;
use sync::value::Fields;

pub(crate) fn hello(device_id: Id, markers: Markers, schema_version: u32) -> String {
    let tables = domain::SCHEMA.tables.iter();
    DeviceFrame::Hello(Hello {
        device_id,
        markers,
        tables: tables.map(|table| table.name.to_owned()).collect(),
        schema_version,
        device_time_ms: server::clock::now_ms(),
    })
    .encode()
}

/// A push of a device whose clock is right.
pub(crate) fn push_frame(device_id: Id, changes: Vec<Change>) -> String {
    push_frame_at(device_id, changes, server::clock::now_ms())
}

pub(crate) fn push_frame_at(device_id: Id, changes: Vec<Change>, device_time_ms: u64) -> String {
    DeviceFrame::Push(Push {
        device_id,
        changes,
        schema_version: domain::SCHEMA.version,
        device_time_ms,
    })
    .encode()
}

pub(crate) fn kinds(frames: &[ServerFrame]) -> Vec<&'static str> {
    frames.iter().map(ServerFrame::kind).collect()
}

/// The markers after these frames: where a device stands that stored them.
pub(crate) fn markers_after(frames: &[ServerFrame]) -> Markers {
    let mut markers = Markers::default();
    for frame in frames {
        match frame {
            ServerFrame::Delta(delta) => markers.set(&delta.scope, &delta.table, delta.to),
            ServerFrame::Change(change) => {
                for table in domain::SCHEMA.tables {
                    if table.lives_in(change.scope.as_str()) {
                        markers.set(&change.scope, table.name, change.to);
                    }
                }
            }
            _ => {}
        }
    }
    markers
}

/// Markers of a device that stands there in its person's journal.
pub(crate) fn standing_at(marker: Marker) -> Markers {
    let mut markers = Markers::default();
    markers.set(&own(), "journal_entries", marker);
    markers.set(&own(), "entry_revisions", marker);
    markers
}

/// The rows of one table in these frames that move a marker, in their order.
pub(crate) fn rows_of(table: &str, frames: &[ServerFrame]) -> Vec<Row> {
    let rows = frames.iter().flat_map(|frame| match frame {
        ServerFrame::Delta(delta) => delta.rows.clone(),
        ServerFrame::Change(change) => change.rows.clone(),
        _ => Vec::new(),
    });
    rows.filter(|row| row.table == table).collect()
}

/// The entries' rows in these frames, in their order.
pub(crate) fn entries(frames: &[ServerFrame]) -> Vec<Row> {
    rows_of("journal_entries", frames)
}

pub(crate) fn own() -> Scope {
    Scope::named(sync::scope::OWN)
}

/// The row that a change makes where there was none, still without a position.
pub(crate) fn row_of(change: &Change) -> Row {
    let stamps = change
        .fields
        .keys()
        .map(|field| (field.clone(), change.stamp));
    Row {
        op_id: change.op_id,
        stamps: stamps.collect(),
        fields: change.fields.clone(),
        ..Row::empty(&change.table, change.key)
    }
}

/// The position that a change was given.
pub(crate) fn lsn_of(outcome: &Outcome) -> Option<Lsn> {
    match outcome.first() {
        Outcome::Applied { lsn, .. } => Some(*lsn),
        _ => None,
    }
}

/// The code that a change was refused with.
pub(crate) fn code_of(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Rejected { code, .. } => Some(code),
        _ => None,
    }
}

/// A new entry, written now.
pub(crate) fn written(body: &str) -> Change {
    let entry = JournalEntry {
        id: server::clock::new_id().expect("a name"),
        day: Day::parse("2026-11-21").expect("a day"),
        title: "".into(),
        body: body.into(),
        prompt_id: None,
        prompt_text: None,
        written_at: Moment(1),
        trashed_at: None,
    };
    change(Op::Insert, entry.id, entry.to_fields())
}

/// An edit of the body by somebody who was looking at what `seen` wrote.
pub(crate) fn edited(seen: &Change, body: &str) -> Change {
    let mut edit = change(
        Op::Update,
        seen.key,
        Fields::from([("body".into(), body.into())]),
    );
    for field in ["body", "trashed_at"] {
        let written = seen.fields.contains_key(field) || seen.patches.contains_key(field);
        let earlier = seen.base.get(field).copied();
        let stamp = if written { Some(seen.stamp) } else { earlier };
        edit.base.extend(stamp.map(|stamp| (field.into(), stamp)));
    }
    edit
}

/// The same, on its way as a patch of the text that it began from.
pub(crate) fn patched(seen: &Change, old: &str, new: &str) -> Change {
    let mut edit = edited(seen, new);
    edit.fields.clear();
    let patch = patch(RULES.texts, old, new).expect("worth its while");
    edit.patches.insert("body".into(), patch);
    edit
}

/// The deletion of an entry by somebody who was looking at what `seen` wrote.
pub(crate) fn deleted(seen: &Change) -> Change {
    let mut deletion = change(Op::Delete, seen.key, Fields::new());
    let fields = JournalEntry::TABLE.fields.iter();
    let base = fields.map(|field| (field.name.to_owned(), seen.stamp));
    deletion.base = base.collect();
    deletion
}

/// A whole put that brings back what `deletion` took away, by somebody who saw that.
pub(crate) fn put_back(entry: &Change, deletion: &Change) -> Change {
    let mut back = change(Op::Insert, entry.key, entry.fields.clone());
    back.base = Stamps::from([(DELETED.into(), deletion.stamp)]);
    back
}

/// These changes, to be taken together or not at all.
pub(crate) fn grouped(mut changes: Vec<Change>) -> Vec<Change> {
    let group = Group {
        id: server::clock::new_id().expect("a name"),
        size: changes.len(),
    };
    for change in &mut changes {
        change.group = Some(group);
    }
    changes
}

pub(crate) fn change(op: Op, key: Id, fields: Fields) -> Change {
    let op_id = server::clock::new_id().expect("a name");
    let clock = Clock::at_ms(server::clock::now_ms());
    Change {
        op_id,
        table: "journal_entries".into(),
        key,
        op,
        fields,
        patches: [].into(),
        base: Stamps::new(),
        stamp: Stamp {
            clock,
            node: Id::from_u128(7),
            op_id,
        },
        stamps: None,
        group: None,
    }
}
