//! `POST /api/account/export`: everything of a person as one JSON document, written as it is
//! read, a page of rows at a time.
//!
//! ```json
//! {"format": "daybook-export", "version": 1, "exported_at_ms": 0,
//!  "account": {"id": "…", "email": "…", "made_at_ms": 0, "has_password": true,
//!              "recovery_codes_left": 0, "devices": [], "passkeys": []},
//!  "tables": {"prompts": [], "journal_entries": [], "entry_revisions": []},
//!  "complete": true}
//! ```
//!
//! `tables` has every synced table, parents first; a row is its `key` and its fields as declared
//! in `domain`. Entries in the trash are there, with `trashed_at`. A document that does not end
//! with `complete` broke off, as it does when the session ends meanwhile.

use super::sessions::{MaybeSigned, Signed};
use crate::clock::now_ms;
use crate::error::Error;
use crate::shared::Shared;
use crate::store::ScopeKey;
use crate::sync::body;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use sync::id::Id;
use sync::row::Row;
use sync::table::TableSpec;

/// The version of the document's shape.
pub const EXPORT_VERSION: u32 = 1;

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
    body::read(request.into_body(), ASKED_BYTES_MAX).await?;
    let signed = signed.ok_or(Error::NoSession)?;
    let turn = shared.exports.begin(signed.user)?;
    let beginning = beginning(&shared, signed.user).await?;
    let reading = Reading::of(shared, signed, turn);
    let parts =
        futures_util::stream::unfold((Some(beginning), Some(reading)), async |(text, reading)| {
            match (text, reading) {
                (Some(text), reading) => Some((Ok(Bytes::from(text)), (None, reading))),
                (None, Some(mut reading)) => match reading.next().await {
                    Ok(Some(text)) => Some((Ok(Bytes::from(text)), (None, Some(reading)))),
                    Ok(None) => Some((Ok(Bytes::from("},\"complete\":true}\n")), (None, None))),
                    // The answer has begun, so all that can be said is that it is not whole.
                    Err(error) => {
                        error.log();
                        Some((Err(error), (None, None)))
                    }
                },
                (None, None) => None,
            }
        });
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CONTENT_DISPOSITION, "attachment; filename=\"daybook.json\""),
    ];
    Ok((headers, Body::from_stream(parts)).into_response())
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
                self.signed.must_hold(&self.shared.store).await?;
                return Ok(None);
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
    }
    Ok(fields.to_string())
}
