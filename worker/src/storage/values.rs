//! Rust values as JavaScript ones and back, in the form that IndexedDB keeps and indexes.

use super::StorageError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

/// A plain object, as JSON would have it: maps become objects, so that key paths reach into
/// them.
pub(super) fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, StorageError> {
    Ok(value.serialize(&Serializer::json_compatible())?)
}

/// The value that was stored.
pub(super) fn from_js<T: DeserializeOwned>(value: JsValue) -> Result<T, StorageError> {
    Ok(serde_wasm_bindgen::from_value(value)?)
}
