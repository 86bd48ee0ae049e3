//! Which person's database is open on this device. A small database of its own, so that the
//! journal opens by itself on a plane.

use super::StorageError;
use super::connection::{Connection, Durability, Writes};
use super::schema;
use super::values::{from_js, to_js};
use rexie::{ObjectStore, Rexie};
use sync::local::Account;
use wasm_bindgen::JsValue;

const NAME: &str = "daybook-registry";
const STORE: &str = "accounts";
const CURRENT: &str = "current";

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
        let transaction = self.connection.reading(&[STORE])?;
        let stored = transaction
            .object_store(STORE)?
            .get(JsValue::from_str(CURRENT))?
            .await?;
        stored.as_ref().map(from_js).transpose()
    }

    /// Remembers who is signed in, or that nobody is.
    pub(crate) async fn set_current(&self, account: Option<&Account>) -> Result<(), StorageError> {
        let mut writes = Writes::default();
        match account {
            Some(account) => writes.put(STORE, to_js(account)?, Some(CURRENT.into())),
            None => writes.delete(STORE, CURRENT.into()),
        }
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

/// Removes a person's database from this device. Other tabs close it when they are told.
pub(crate) async fn delete_journal(name: &str) -> Result<(), StorageError> {
    Ok(Rexie::delete(name).await?)
}
