//! `POST /api/account/export`: everything of a person as one JSON document, written as it is
//! read, a page of rows at a time.
//!
//! ```json
//! {"format": "daybook-export", "version": 2, "exported_at_ms": 0,
//!  "account": {"id": "…", "email": "…", "made_at_ms": 0, "has_password": true,
//!              "recovery_codes_left": 0, "link_expires_at_ms": null,
//!              "devices": [], "passkeys": [], "cursors": []},
//!  "tables": {"prompts": [], "journal_entries": [], "entry_revisions": []},
//!  "texts": [], "answers": [],
//!  "complete": true}
//! ```
//!
//! - `devices` are sessions; `cursors` say how far each device, by its own name, has stored what
//! - `tables` has every synced table, parents first; a row is its `key`, its fields as declared in
//!   `domain`, and in `$stamps` which device wrote each of them and when. Entries in the trash are
//!   there, with `trashed_at`
//! - `texts` are what entries said once and edits may still begin from
//! - `answers` are what the server told devices of their changes
//!
//! What is left out says nothing of the person, or opens a way in: keys of rows that are deleted,
//! hashes of passwords, codes, links and sessions, and the public halves of passkeys. A document
//! that does not end with `complete` broke off, as it does when the session ends meanwhile or its
//! reader takes too long.

mod handing;
mod records;

pub use handing::{EXPORT_MAX, PIECE_WAIT_MAX};

use super::sessions::{MaybeSigned, Signed};
use crate::clock::now_ms;
use crate::error::Error;
use crate::serve::Connection;
use crate::shared::Shared;
use crate::store::ScopeKey;
use crate::sync::body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use records::Records;
use serde_json::json;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use sync::id::Id;
use sync::row::Row;
use sync::table::TableSpec;

/// The version of the document's shape.
pub const EXPORT_VERSION: u32 = 2;

/// How many bytes the request may have: a form that is empty.
const ASKED_BYTES_MAX: usize = 1_024;

/// How many exports go on at a time.
pub const EXPORTS_MAX: usize = 8;

/// Who is being read just now: one export a person.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exports(Arc<Mutex<BTreeSet<Id>>>);

/// One export under way; dropping it makes room for another.
#[derive(Debug)]
struct Turn {
    exports: Exports,
    user: Id,
}

impl Exports {
    fn begin(&self, user: Id) -> Result<Turn, Error> {
        let mut going_on = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if going_on.len() >= EXPORTS_MAX || !going_on.insert(user) {
            return Err(Error::Busy);
        }
        Ok(Turn {
            exports: self.clone(),
            user,
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut going_on = self
            .exports
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        going_on.remove(&self.user);
    }
}

/// Answers with the document.
pub(crate) async fn export(
    State(shared): State<Arc<Shared>>,
    MaybeSigned(signed): MaybeSigned,
    request: Request,
) -> Result<Response, Error> {
    let by = request.extensions().get::<Connection>().cloned();
    body::read(request.into_body(), ASKED_BYTES_MAX).await?;
    let signed = signed.ok_or(Error::NoSession)?;
    let turn = shared.exports.begin(signed.user)?;
    let beginning = beginning(&shared, signed.user).await?;
    let reading = Reading::of(shared, signed, turn);
    let body = handing::body(beginning, reading, by);
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CONTENT_DISPOSITION, "attachment; filename=\"daybook.json\""),
    ];
    Ok((headers, body).into_response())
}

async fn beginning(shared: &Shared, user: Id) -> Result<String, Error> {
    let store = &shared.store;
    let known = store.user_by_id(user).await?.ok_or(Error::NoSession)?;
    let now_ms = now_ms();
    let devices = store.devices(user, now_ms).await?;
    let devices: Vec<_> = devices
        .into_iter()
        .map(|device| {
            json!({
                "name": device.name,
                "signed_in_at_ms": device.signed_in_at_ms,
                "seen_at_ms": device.seen_at_ms,
            })
        })
        .collect();
    let passkeys = store.passkeys(user).await?;
    let passkeys: Vec<_> = passkeys
        .into_iter()
        .map(|passkey| {
            json!({
                "name": passkey.name,
                "made_at_ms": passkey.made_at_ms,
                "used_at_ms": passkey.used_at_ms,
            })
        })
        .collect();
    let account = json!({
        "id": user.to_string(),
        "email": known.email,
        "made_at_ms": store.account_made_at_ms(user).await?,
        "has_password": known.password_hash.is_some(),
        "recovery_codes_left": store.recovery_codes_left(user).await?,
        "link_expires_at_ms": store.link_expires_at_ms(user).await?,
        "cursors": store.cursors(user).await?,
        "devices": devices,
        "passkeys": passkeys,
    });
    Ok(format!(
        "{{\"format\":\"daybook-export\",\"version\":{EXPORT_VERSION},\
         \"exported_at_ms\":{now_ms},\"account\":{account},\"tables\":{{"
    ))
}

/// The tables that are still to be written, the one at hand first, and how far that is.
struct Reading {
    shared: Arc<Shared>,
    signed: Signed,
    to_read: VecDeque<(&'static TableSpec, VecDeque<ScopeKey>)>,
    after: Option<Id>,
    opened: bool,
    wrote_a_row: bool,
    wrote_a_table: bool,
    records: Records,
    _turn: Turn,
}

impl Reading {
    fn of(shared: Arc<Shared>, signed: Signed, turn: Turn) -> Self {
        let scopes = [
            (sync::scope::LIBRARY, ScopeKey::library()),
            (sync::scope::OWN, ScopeKey::own(signed.user)),
        ];
        let tables = domain::SCHEMA.tables.iter().map(|table| {
            let lived_in = scopes.iter().filter(|(name, _)| table.lives_in(name));
            (*table, lived_in.map(|(_, key)| key.clone()).collect())
        });
        Self {
            shared,
            signed,
            to_read: tables.collect(),
            after: None,
            opened: false,
            wrote_a_row: false,
            wrote_a_table: false,
            records: Records::of(ScopeKey::own(signed.user)),
            _turn: turn,
        }
    }

    /// The next part of the document; nothing once all tables are written.
    ///
    /// Whose session has ended meanwhile reads no further page. It is looked for before each, and
    /// once more at the end: of an account that was erased there is nothing more to read, which
    /// is not the same as having read all of it.
    async fn next(&mut self) -> Result<Option<String>, Error> {
        let mut text = String::new();
        while text.is_empty() {
            let Some((table, scopes)) = self.to_read.front_mut() else {
                let store = &self.shared.store;
                self.signed.must_hold(store).await?;
                return self.records.next(store).await;
            };
            if !self.opened {
                let comma = if self.wrote_a_table { "," } else { "" };
                text = format!("{comma}\"{}\":[", table.name);
                self.opened = true;
                self.wrote_a_table = true;
                self.wrote_a_row = false;
            }
            let Some(scope) = scopes.front() else {
                text.push(']');
                self.to_read.pop_front();
                self.opened = false;
                continue;
            };
            let store = &self.shared.store;
            self.signed.must_hold(store).await?;
            let rows = store.rows_after(scope, table, self.after).await?;
            self.after = rows.last().map(|row| row.key);
            if rows.is_empty() {
                scopes.pop_front();
            }
            for row in &rows {
                if self.wrote_a_row {
                    text.push(',');
                }
                text.push_str(&written(row)?);
                self.wrote_a_row = true;
            }
        }
        Ok(Some(text))
    }
}

/// A row as its fields, with its key among them.
fn written(row: &Row) -> Result<String, Error> {
    let fields = serde_json::to_value(&row.fields);
    let mut fields = fields.map_err(|_| Error::Internal("a row that cannot be written"))?;
    if let Some(fields) = fields.as_object_mut() {
        fields.insert("key".to_owned(), row.key.to_string().into());
        let stamps = serde_json::to_value(&row.stamps);
        let stamps = stamps.map_err(|_| Error::Internal("stamps that cannot be written"))?;
        // No field can be called so.
        fields.insert("$stamps".to_owned(), stamps);
    }
    Ok(fields.to_string())
}
