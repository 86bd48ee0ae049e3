//! The open database, and the one way to write to it.
//!
//! A write is one readwrite transaction over every store involved. Its reads are issued and
//! awaited first; then it is decided, purely and at once, what to write; then all writes are
//! issued with no await between, and the promise resolves on `complete`. IndexedDB runs
//! overlapping readwrite transactions one after the other, across tabs too, so no lock, no
//! fence and no retry is needed. Nothing but IndexedDB is ever awaited inside.

use super::StorageError;
use idb::{Database, Factory, ObjectStore, Transaction, TransactionMode};
use js_sys::{Array, Object, Promise, Reflect};
use std::cell::Cell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbTransaction};

/// How hard a commit insists on having reached the disk before it is called done.
#[derive(Clone, Copy)]
pub(crate) enum Durability {
    /// A person's words: wait for the disk.
    Strict,
    /// What the server will send again: the browser's own pace.
    Relaxed,
}

#[wasm_bindgen]
extern "C" {
    /// `IDBDatabase.transaction` with options, which the generated bindings leave out.
    #[wasm_bindgen(extends = Object)]
    type DurableDatabase;

    #[wasm_bindgen(method, catch, js_name = transaction)]
    fn durable_transaction(
        this: &DurableDatabase,
        stores: &Array,
        mode: &str,
        options: &Object,
    ) -> Result<IdbTransaction, JsValue>;
}

/// One open database.
pub(crate) struct Connection {
    name: String,
    raw: IdbDatabase,
    reads: Database,
    closed: Rc<Cell<bool>>,
}

/// What a write puts and removes, all of it in one transaction.
#[derive(Default)]
pub(crate) struct Writes {
    operations: Vec<Write>,
}

enum Write {
    Put {
        store: &'static str,
        value: JsValue,
        key: Option<JsValue>,
    },
    Add {
        store: &'static str,
        value: JsValue,
    },
    Delete {
        store: &'static str,
        key: JsValue,
    },
}

impl Writes {
    /// Writes a value over what is there.
    pub(super) fn put(&mut self, store: &'static str, value: JsValue, key: Option<JsValue>) {
        self.operations.push(Write::Put { store, value, key });
    }

    /// Writes a value where nothing may be: a number given twice aborts everything instead of
    /// overwriting somebody's words.
    pub(super) fn add(&mut self, store: &'static str, value: JsValue) {
        self.operations.push(Write::Add { store, value });
    }

    /// Removes a value.
    pub(super) fn delete(&mut self, store: &'static str, key: JsValue) {
        self.operations.push(Write::Delete { store, key });
    }
}

impl Connection {
    /// Opens a database that [`super::schema`] or [`super::registry`] has made. It closes by
    /// itself when another tab wants to upgrade or delete it.
    pub(super) async fn open(name: &str) -> Result<Self, StorageError> {
        let raw: IdbDatabase = Factory::new()?.open(name, None)?.await?.into();
        let mut reads = Database::from(raw.clone());
        let closed = Rc::new(Cell::new(false));
        let (handle, flag) = (raw.clone(), closed.clone());
        reads.on_version_change(move |_| {
            flag.set(true);
            handle.close();
        });
        let flag = closed.clone();
        reads.on_close(move |_| flag.set(true));
        Ok(Self {
            name: name.to_owned(),
            raw,
            reads,
            closed,
        })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the browser or another tab has closed it.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Closes it; what is under way still completes.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.raw.close();
    }

    /// A transaction that only reads.
    pub(super) fn reading(&self, stores: &[&str]) -> Result<Transaction, StorageError> {
        Ok(self.reads.transaction(stores, TransactionMode::ReadOnly)?)
    }

    /// The one way to write: `read` awaits what it needs from the transaction and decides; what
    /// it returns is written with no await between. Resolves when the transaction is complete.
    pub(super) async fn commit<T>(
        &self,
        stores: &[&str],
        durability: Durability,
        read: impl AsyncFnOnce(&Reading) -> Result<(Writes, T), StorageError>,
    ) -> Result<T, StorageError> {
        let begun = self.begin(stores, durability)?;
        let (writes, value) = read(&begun.reading).await?;
        begun.finish(writes).await?;
        Ok(value)
    }

    fn begin(&self, stores: &[&str], durability: Durability) -> Result<Begun, StorageError> {
        let names: Array = stores
            .iter()
            .map(|store| JsValue::from_str(store))
            .collect();
        let options = Object::new();
        let word = match durability {
            Durability::Strict => "strict",
            Durability::Relaxed => "relaxed",
        };
        Reflect::set(&options, &"durability".into(), &word.into())
            .map_err(|error| StorageError::browser(&error))?;
        let raw = self
            .raw
            .unchecked_ref::<DurableDatabase>()
            .durable_transaction(&names, "readwrite", &options)
            .map_err(|error| StorageError::browser(&error))?;
        Ok(Begun {
            // The handlers are attached before anything is awaited; later they could miss the end.
            end: JsFuture::from(ended(&raw)),
            guard: AbortUnlessWritten {
                transaction: raw.clone(),
                written: Cell::new(false),
            },
            reading: Reading {
                transaction: Transaction::from(raw.clone()),
            },
            raw,
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.close();
    }
}

/// A commit under way. Apart from what it is for, so that it is compiled once.
struct Begun {
    raw: IdbTransaction,
    end: JsFuture<JsValue>,
    guard: AbortUnlessWritten,
    reading: Reading,
}

impl Begun {
    /// Issues all writes and waits for the end.
    async fn finish(self, writes: Writes) -> Result<(), StorageError> {
        for write in writes.operations {
            issue(&self.reading.transaction, write)?;
        }
        self.guard.written.set(true);
        self.end.await.map_err(|error| aborted(&self.raw, &error))?;
        Ok(())
    }
}

/// The reading part of a commit.
pub(super) struct Reading {
    transaction: Transaction,
}

impl Reading {
    /// One of the transaction's stores.
    pub(super) fn store(&self, name: &str) -> Result<ObjectStore, StorageError> {
        Ok(self.transaction.object_store(name)?)
    }
}

/// An early return between the reads and the writes must not commit half of a decision.
struct AbortUnlessWritten {
    transaction: IdbTransaction,
    written: Cell<bool>,
}

impl Drop for AbortUnlessWritten {
    fn drop(&mut self) {
        if !self.written.get() {
            // Already aborted is as good.
            let _ = self.transaction.abort();
        }
    }
}

fn issue(transaction: &Transaction, write: Write) -> Result<(), StorageError> {
    match write {
        Write::Put { store, value, key } => {
            drop(transaction.object_store(store)?.put(&value, key.as_ref())?);
        }
        Write::Add { store, value } => {
            drop(transaction.object_store(store)?.add(&value, None)?);
        }
        Write::Delete { store, key } => {
            drop(transaction.object_store(store)?.delete(key)?);
        }
    }
    Ok(())
}

/// Resolves on `complete`, rejects on `abort`.
fn ended(transaction: &IdbTransaction) -> Promise {
    Promise::new(&mut |resolve, reject| {
        let complete = Closure::once_into_js(move || {
            let _ = resolve.call0(&JsValue::NULL);
        });
        let abort = Closure::once_into_js(move || {
            let _ = reject.call0(&JsValue::NULL);
        });
        transaction.set_oncomplete(Some(complete.unchecked_ref()));
        transaction.set_onabort(Some(abort.unchecked_ref()));
    })
}

fn aborted(transaction: &IdbTransaction, error: &JsValue) -> StorageError {
    let why = transaction
        .error()
        .map_or_else(|| format!("{error:?}"), |error| error.name());
    StorageError::Aborted(why)
}
