//! Which person's database is open on this device. A small database of its own, so that the
//! journal opens by itself on a plane.

use super::StorageError;
use super::connection::{Connection, Durability, Writes};
use super::schema;
use super::values::{from_js, to_js};
use rexie::{ObjectStore, Rexie};
use serde::de::DeserializeOwned;
use sync::local::{Account, Farewell};
use wasm_bindgen::JsValue;

const NAME: &str = "daybook-registry";
const STORE: &str = "accounts";
const CURRENT: &str = "current";
/// The name of a database that is to go.
const DOOMED: &str = "doomed";
const FAREWELL: &str = "farewell";
/// The server has not heard of a sign-out.
const OWED: &str = "owed";

/// The registry of this device.
pub(crate) struct Registry {
    connection: Connection,
}

impl Registry {
    /// Opens the registry, and makes it the first time.
    pub(crate) async fn open() -> Result<Self, StorageError> {
        let built = Rexie::builder(NAME)
            .version(1)
            .add_object_store(ObjectStore::new(STORE))
            .build()
            .await?;
        built.close();
        Ok(Self {
            connection: Connection::open(NAME).await?,
        })
    }

    /// Who is signed in on this device.
    pub(crate) async fn current(&self) -> Result<Option<Account>, StorageError> {
        self.kept(CURRENT).await
    }

    /// Remembers who is signed in. Their new session has ended the one before, and what was said
    /// of a journal that held nothing is said.
    pub(crate) async fn enter(&self, account: &Account) -> Result<(), StorageError> {
        let said = self.farewell().await?.is_some_and(|f| f.document.is_none());
        let mut writes = Writes::default();
        writes.put(STORE, to_js(account)?, Some(CURRENT.into()));
        writes.delete(STORE, OWED.into());
        if said {
            writes.delete(STORE, FAREWELL.into());
        }
        self.write(writes).await
    }

    /// Nobody is signed in any more, and the journal of this name is to go. From here on it does,
    /// even if this worker ends: [`Self::finish_leaving`].
    pub(crate) async fn leave(
        &self,
        journal: &str,
        farewell: Option<&Farewell>,
        owes_sign_out: bool,
    ) -> Result<(), StorageError> {
        let mut writes = Writes::default();
        writes.delete(STORE, CURRENT.into());
        writes.put(STORE, journal.into(), Some(DOOMED.into()));
        if let Some(farewell) = farewell {
            writes.put(STORE, to_js(farewell)?, Some(FAREWELL.into()));
        }
        if owes_sign_out {
            writes.put(STORE, true.into(), Some(OWED.into()));
        }
        self.write(writes).await
    }

    /// Removes the journal that somebody has left, if it is still there.
    pub(crate) async fn finish_leaving(&self) -> Result<(), StorageError> {
        let Some(name) = self.kept::<String>(DOOMED).await? else {
            return Ok(());
        };
        delete_journal(&name).await?;
        self.forget(DOOMED).await
    }

    /// What is left to say of a journal that was ended from elsewhere.
    pub(crate) async fn farewell(&self) -> Result<Option<Farewell>, StorageError> {
        self.kept(FAREWELL).await
    }

    /// It is said.
    pub(crate) async fn let_go(&self) -> Result<(), StorageError> {
        self.forget(FAREWELL).await
    }

    /// Whether the server has not heard of a sign-out yet.
    pub(crate) async fn owes_sign_out(&self) -> Result<bool, StorageError> {
        Ok(self.kept(OWED).await?.unwrap_or(false))
    }

    /// The server has heard of it.
    pub(crate) async fn sign_out_heard(&self) -> Result<(), StorageError> {
        self.forget(OWED).await
    }

    async fn kept<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StorageError> {
        let transaction = self.connection.reading(&[STORE])?;
        let stored = transaction
            .object_store(STORE)?
            .get(JsValue::from_str(key))?
            .await?;
        stored.as_ref().map(from_js).transpose()
    }

    async fn forget(&self, key: &str) -> Result<(), StorageError> {
        let mut writes = Writes::default();
        writes.delete(STORE, key.into());
        self.write(writes).await
    }

    async fn write(&self, writes: Writes) -> Result<(), StorageError> {
        self.connection
            .commit(&[STORE], Durability::Strict, async |_| Ok((writes, ())))
            .await
    }
}

/// Opens this person's database, and makes it the first time.
pub(crate) async fn open_journal(account: &Account) -> Result<Connection, StorageError> {
    let name = format!("daybook-{}", account.id);
    schema::ensure(&name).await?;
    Connection::open(&name).await
}

/// Removes a database from this device. Other tabs close it when they are told.
async fn delete_journal(name: &str) -> Result<(), StorageError> {
    Ok(Rexie::delete(name).await?)
}
