//! How rows are cut into frames: by their bytes, and not through a group that fits into one.

use crate::limits::{CHUNK_BYTES_MAX, GROUP_BYTES_MAX};
use crate::planted;
use crate::row::Row;
use crate::scope::Marker;
use crate::table::text;
use crate::value::Value;
use alloc::vec;
use alloc::vec::Vec;

pub(super) fn end_of(rows: &[Row], otherwise: Marker) -> Marker {
    rows.last().map_or(otherwise, Row::marker)
}

/// Rows of one group arrive together: the last of a page that has more behind it wait for the
/// rest of their group. A page that is one group whole is sent as it is.
pub(super) fn hold_back_a_torn_group(rows: &mut Vec<Row>) {
    let group = rows.last().and_then(|row| row.group);
    if let Some(group) = group
        && !planted!(GroupIsCutByAPage)
        && let Some(before) = rows.iter().rposition(|row| row.group != Some(group))
    {
        rows.truncate(before + 1);
    }
}

/// Cuts rows into chunks of at most [`CHUNK_BYTES_MAX`], or [`GROUP_BYTES_MAX`] for the sake of a
/// group: a frame that no device takes would keep it out for ever. A larger row is a chunk of its
/// own.
pub(super) fn chunks(rows: Vec<Row>) -> Vec<Vec<Row>> {
    let mut chunks: Vec<Vec<Row>> = Vec::new();
    let mut bytes = 0;
    for row in rows {
        let row_bytes = weight(&row);
        match chunks.last_mut() {
            Some(chunk) if bytes + row_bytes <= room(chunk, &row) => {
                chunk.push(row);
                bytes += row_bytes;
            }
            _ => {
                chunks.push(vec![row]);
                bytes = row_bytes;
            }
        }
    }
    chunks
}

/// How many bytes the chunk may have with this row: more for one of its last row's group.
fn room(chunk: &[Row], row: &Row) -> usize {
    if row.group.is_some() && chunk.last().is_some_and(|last| last.group == row.group) {
        GROUP_BYTES_MAX
    } else {
        CHUNK_BYTES_MAX
    }
}

/// How many bytes the row has on the wire, more or less.
fn weight(row: &Row) -> usize {
    let bytes = |value: &Value| text(value).map_or(8, |text| text.bytes().map(in_json).sum());
    let fields: usize = row
        .fields
        .iter()
        .map(|(name, value)| name.len() + bytes(value) + 6)
        .sum();
    fields + row.stamps.len() * 80 + 80
}

/// How many bytes JSON makes of one.
const fn in_json(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..b' ' => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Id;
    use crate::limits::FRAME_BYTES_MAX;

    fn rows(group: Option<u128>, sizes: &[usize]) -> Vec<Row> {
        let row = |size: &usize| {
            let mut row = Row::empty("notes", Id::from_u128(1));
            row.group = group.map(Id::from_u128);
            // What grows most in JSON: one byte becomes six.
            let text = "\u{1}".repeat(*size * 1024 / 6);
            row.fields.insert("text".into(), Value::Text(text));
            row
        };
        sizes.iter().map(row).collect()
    }

    fn counts(rows: Vec<Row>) -> Vec<usize> {
        chunks(rows).iter().map(Vec::len).collect()
    }

    #[test]
    fn a_group_is_not_cut_where_single_rows_are() {
        assert_eq!(counts(rows(None, &[90, 90, 90])), [2, 1]);
        assert_eq!(counts(rows(Some(7), &[90, 90, 90])), [3]);
    }

    #[test]
    fn no_group_makes_a_frame_that_a_device_does_not_take() {
        let chunks = chunks(rows(Some(7), &[150; 50]));
        assert_eq!(chunks.iter().map(Vec::len).sum::<usize>(), 50);
        for chunk in chunks {
            let bytes = serde_json::to_string(&chunk).expect("JSON").len();
            assert!(bytes < FRAME_BYTES_MAX, "{bytes}");
        }
    }
}
