//! Rust values as JavaScript ones and back, in the form that IndexedDB keeps and indexes.
//!
//! By way of JSON text: the wire needs that code anyway, and a second serializer for every type
//! would double the worker's size.

use super::StorageError;
use js_sys::{JSON, Reflect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

/// A plain object, so that key paths reach into it.
pub(super) fn to_js<T: Serialize + ?Sized>(value: &T) -> Result<JsValue, StorageError> {
    let text = serde_json::to_string(value)?;
    JSON::parse(&text).map_err(|error| StorageError::browser(&error))
}

/// The value that was stored.
pub(super) fn from_js<T: DeserializeOwned>(value: &JsValue) -> Result<T, StorageError> {
    let text = JSON::stringify(value).map_err(|error| StorageError::browser(&error))?;
    Ok(serde_json::from_str(&String::from(text))?)
}

/// Adds a text to a plain object.
pub(super) fn set(value: &JsValue, name: &str, text: &str) -> Result<(), StorageError> {
    let done = Reflect::set(value, &name.into(), &text.into());
    done.map(drop)
        .map_err(|error| StorageError::browser(&error))
}
