//! What people write: in which row, over what, and what the oracle is told of it.

use crate::history::Write;
use crate::oracle::{Piece, Token, pieces_in, text_of};
use crate::perform::Fate;
use crate::store::Name;
use crate::tables::written;
use crate::world::World;
use std::collections::BTreeSet;
use sync::change::Op;
use sync::id::Id;
use sync::local::Edit;
use sync::planted;
use sync::table::{FieldSpec, TableSpec, text};
use sync::value::{FieldKind, Fields, Value};

/// A long text has at most so many lines; then it is begun anew.
const LINES_MAX: usize = 10;

/// And at most so many bytes, so that a line more always fits.
const BYTES_MAX: usize = 2_400;

/// What a long line is made of: more than is sent whole when a word of it changes.
const FILLER: &str = " and so on";

/// How many rows a large group has.
const LARGE_ROWS: u8 = 40;

/// The first of its rows.
const LARGE_FROM: u8 = 10;

/// How many rows are brought along at least: with a large group, more than a push or a chunk has.
const MANY_ROWS: u8 = 75;

/// The first of them.
const MANY_FROM: u8 = 60;

/// What an edit adds and takes away, for the oracle.
struct Meant {
    /// New pieces, each with the one it takes the place of, and its row.
    pieces: Vec<(Token, Option<Token>, Name)>,
    /// Pieces that the writer saw and that are not in the new text.
    removed: BTreeSet<Token>,
    /// The row that is being edited.
    row: Name,
}

impl World {
    /// The name of a person's row.
    #[must_use]
    pub fn row_name(&self, person: u8, slot: u8) -> (Name, &'static TableSpec) {
        let tables: Vec<_> = written(&self.rules).collect();
        let place = usize::from(slot) % tables.len();
        let key = (u128::from(person) + 1) << 64 | (place as u128) << 32 | u128::from(slot + 1);
        (
            (tables[place].name.to_owned(), Id::from_u128(key)),
            tables[place],
        )
    }

    /// Somebody writes.
    pub fn write(&mut self, device: usize, tab: usize, slot: u8, write: Write) {
        let device = device % self.devices.len();
        let mut tab = tab % self.devices[device].tabs.len();
        if !self.devices[device].tabs[tab].open {
            let open = self.devices[device].tabs.iter().position(|tab| tab.open);
            tab = open.unwrap_or_else(|| {
                self.open_tab(device, 0);
                0
            });
        }
        if self.devices[device].still_until_ms(tab) > self.now_ms {
            return;
        }
        let mut meant = Meant {
            pieces: Vec::new(),
            removed: BTreeSet::new(),
            row: (String::new(), Id::NIL),
        };
        let slots: Vec<u8> = match write {
            Write::Together => (0..2 + slot % 2).map(|place| (slot + place) % 6).collect(),
            Write::Large => (0..LARGE_ROWS).map(|place| LARGE_FROM + place).collect(),
            _ => vec![slot],
        };
        let edits = slots
            .into_iter()
            .filter_map(|slot| self.edit(device, slot, write, &mut meant));
        let edits: Vec<_> = edits.collect();
        if !edits.is_empty() {
            self.commit_write(device, tab, edits, meant);
        }
    }

    /// Somebody brings many rows along at once, as an import does.
    pub fn write_many(&mut self, device: usize, tab: usize, slot: u8) {
        for place in 0..MANY_ROWS + 10 * (slot % 6) {
            self.write(device, tab, MANY_FROM + place, Write::Insert);
        }
    }

    fn commit_write(&mut self, device: usize, tab: usize, edits: Vec<Edit>, meant: Meant) {
        let fate = self.fate(device);
        if fate == Fate::DiesBefore {
            return self.kill_tab(device, tab);
        }
        if fate == Fate::Aborted {
            planted!(SavedTooSoon, self.remember(device, meant));
            return;
        }
        let mut mint = self.mint(device);
        let wanted = edits.clone();
        let Ok(written) = self.devices[device].store.write(&mut mint, edits) else {
            return;
        };
        self.tell_story(|_| format!("device {device}.{tab} writes {wanted:?}"));
        self.remember(device, meant);
        for edit in &wanted {
            self.oracle.watch_over_the_dead(edit);
            let name = (edit.table.clone(), edit.key);
            let seen = self.devices[device]
                .store
                .seen(&name)
                .map(|record| &record.seen);
            if let Some(row) = seen.filter(|row| self.is_in_the_trash(row)) {
                self.oracle.binned.extend(tokens(row.fields.values()));
            }
        }
        self.check_the_write(device, &wanted, &written);
        self.watch_rows(device, true);
        if fate == Fate::DiesAfter {
            self.kill_tab(device, tab);
        } else {
            self.tell_the_leader(device, tab);
        }
    }

    /// The oracle is told what a person takes for saved.
    fn remember(&mut self, device: usize, meant: Meant) {
        let person = self.devices[device].person;
        self.oracle.edits += 1;
        self.oracle.removed.extend(meant.removed);
        for (token, over, row) in meant.pieces {
            let piece = Piece {
                person,
                device,
                over,
                row,
                excused: self.servers.erased.contains(&person),
            };
            self.oracle.pieces.insert(token, piece);
        }
    }

    fn edit(&mut self, device: usize, slot: u8, write: Write, meant: &mut Meant) -> Option<Edit> {
        let person = self.devices[device].person;
        let (name, _) = self.row_name(person, slot);
        let table = self.devices[device].rules.schema.table(&name.0)?;
        meant.row.clone_from(&name);
        let seen = self.devices[device]
            .store
            .seen(&name)
            .map(|r| r.seen.fields.clone());
        let (op, fields) = match (write, &seen) {
            (Write::Insert | Write::Together | Write::Large, None) => {
                (Op::Insert, self.whole_row(person, table, meant))
            }
            (_, None) => return None,
            (Write::Delete, Some(seen)) => {
                meant.removed.extend(tokens(seen.values()));
                (Op::Delete, Fields::new())
            }
            (_, Some(seen)) => {
                let (field, value) = self.change(person, table, seen, write, meant)?;
                (Op::Update, Fields::from([(field.name.to_owned(), value)]))
            }
        };
        Some(Edit {
            table: name.0,
            key: name.1,
            op,
            fields,
        })
    }

    fn whole_row(&mut self, person: u8, table: &TableSpec, meant: &mut Meant) -> Fields {
        let mut fields = Fields::new();
        for field in table.fields {
            let value = match field.kind {
                FieldKind::Text { .. } => self.fresh(person, None, meant),
                FieldKind::Id | FieldKind::Integer | FieldKind::Boolean if field.nullable => {
                    Value::Null
                }
                _ => self.other(field),
            };
            fields.insert(field.name.to_owned(), value);
        }
        fields
    }

    fn fresh(&mut self, person: u8, over: Option<Token>, meant: &mut Meant) -> Value {
        let token = self.oracle.token();
        meant.pieces.push((token, over, meant.row.clone()));
        Value::Text(text_of(person, token))
    }

    fn other(&mut self, field: &FieldSpec) -> Value {
        let number = self.below(28) + 1;
        match field.kind {
            FieldKind::Day => Value::Text(format!("2026-11-{number:02}")),
            FieldKind::Boolean => Value::Boolean(number.is_multiple_of(2)),
            FieldKind::Id => Value::Text(Id::from_u128(u128::from(number)).to_string()),
            _ => Value::Integer(i64::try_from(number).unwrap_or_default()),
        }
    }

    fn change(
        &mut self,
        person: u8,
        table: &TableSpec,
        seen: &Fields,
        write: Write,
        meant: &mut Meant,
    ) -> Option<(&'static FieldSpec, Value)> {
        let is_short =
            |field: &&&FieldSpec| matches!(field.kind, FieldKind::Text { .. }) && !field.merged;
        let is_other = |field: &&&FieldSpec| {
            !matches!(field.kind, FieldKind::Text { .. }) && table.trash != Some(field.name)
        };
        let mut fields = table.fields.iter();
        let field = match write {
            Write::Append | Write::Prepend | Write::Replace | Write::Swell => {
                fields.find(|field| field.merged)
            }
            Write::Other => fields.find(|field| is_other(&field)),
            Write::Trash | Write::Restore => fields.find(|field| table.trash == Some(field.name)),
            _ => None,
        };
        let field = field.or_else(|| table.fields.iter().find(|field| is_short(&field)))?;
        let field = table.field(field.name)?;
        let old = seen
            .get(field.name)
            .and_then(text)
            .cloned()
            .unwrap_or_default();
        let value = match write {
            Write::Trash if table.trash == Some(field.name) => Value::Integer(1),
            Write::Restore if table.trash == Some(field.name) => Value::Null,
            Write::Other if is_other(&&field) => self.other(field),
            _ if field.merged => self.lines(person, &old, write, meant),
            _ => {
                let before = pieces_in(&old).map(|(_, token)| token).next();
                meant.removed.extend(before);
                let value = self.fresh(person, before, meant);
                match (write, text(&value)) {
                    (Write::Refused, Some(text)) => self.servers.refuse(text),
                    (Write::Poison, Some(text)) => self.servers.poison(text),
                    _ => {}
                }
                value
            }
        };
        Some((field, value))
    }

    /// A long text with a line more, or one in place of another.
    fn lines(&mut self, person: u8, old: &str, write: Write, meant: &mut Meant) -> Value {
        let mut lines: Vec<_> = old.lines().map(str::to_owned).collect();
        let token = self.oracle.token();
        meant.pieces.push((token, None, meant.row.clone()));
        let mut line = text_of(person, token);
        if write == Write::Swell {
            line.push_str(&FILLER.repeat(120));
        }
        let place = usize::try_from(self.below(lines.len().max(1) as u64)).unwrap_or_default();
        if lines.len() >= LINES_MAX || old.len() > BYTES_MAX {
            meant
                .removed
                .extend(lines.iter().flat_map(|line| tokens_of(line)));
            lines = vec![line];
        } else if write == Write::Prepend {
            lines.insert(0, line);
        } else if write == Write::Replace && place < lines.len() {
            meant.removed.extend(tokens_of(&lines[place]));
            lines[place] = line;
        } else {
            lines.push(line);
        }
        Value::Text(lines.join("\n"))
    }
}

fn tokens_of(text: &str) -> impl Iterator<Item = Token> + '_ {
    pieces_in(text).map(|(_, token)| token)
}

/// The pieces in these values.
pub fn tokens<'a>(values: impl Iterator<Item = &'a Value>) -> impl Iterator<Item = Token> {
    let texts: Vec<_> = values
        .filter_map(text)
        .flat_map(|text| tokens_of(text))
        .collect();
    texts.into_iter()
}
