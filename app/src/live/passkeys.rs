//! The browser's side of passkeys: `navigator.credentials`, with the JSON of WebAuthn on both
//! ends.

use crate::account::{AccountError, Challenge, begin_passkey_sign_in, sign_in_with_passkey};
use js_sys::{JSON, Object, Reflect};
use leptos::prelude::window;
use sync::local::Account;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = PublicKeyCredential, js_name = parseCreationOptionsFromJSON, catch)]
    fn creation_options(options: &JsValue) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_namespace = PublicKeyCredential, js_name = parseRequestOptionsFromJSON, catch)]
    fn request_options(options: &JsValue) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_namespace = ["navigator", "credentials"], js_name = create, catch)]
    async fn create(options: &Object) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_namespace = ["navigator", "credentials"], js_name = get, catch)]
    async fn get(options: &Object) -> Result<JsValue, JsValue>;
}

/// Whether this browser has passkeys for this page. None has for a page by plain http.
#[must_use]
pub fn has_passkeys() -> bool {
    let known = Reflect::get(&window(), &"PublicKeyCredential".into()).unwrap_or_default();
    let reads = Reflect::get(&known, &"parseCreationOptionsFromJSON".into());
    reads.is_ok_and(|reads| reads.is_function())
}

/// Has the person make a passkey. Gives the credential as JSON.
///
/// # Errors
/// [`AccountError::PasskeyRefused`] when they or their device would not.
pub async fn make_passkey(challenge: &Challenge) -> Result<String, AccountError> {
    let options = parsed(challenge).and_then(|options| creation_options(&options));
    let wanted = wanted(options);
    written(create(&wanted?).await)
}

/// Has the person sign in by a passkey.
///
/// # Errors
/// [`AccountError::PasskeyRefused`] when they or their device would not, or the server does not
/// know the passkey.
pub async fn sign_in_by_passkey() -> Result<Account, AccountError> {
    let challenge = begin_passkey_sign_in().await?;
    let options = parsed(&challenge).and_then(|options| request_options(&options));
    let wanted = wanted(options);
    let credential = written(get(&wanted?).await)?;
    sign_in_with_passkey(challenge.name, credential).await
}

fn parsed(challenge: &Challenge) -> Result<JsValue, JsValue> {
    JSON::parse(&challenge.options)
}

fn wanted(options: Result<JsValue, JsValue>) -> Result<Object, AccountError> {
    let options = options.map_err(|error| refused(&error))?;
    let wanted = Object::new();
    Reflect::set(&wanted, &"publicKey".into(), &options).map_err(|error| refused(&error))?;
    Ok(wanted)
}

/// `JSON.stringify` asks a credential for its `toJSON`.
fn written(credential: Result<JsValue, JsValue>) -> Result<String, AccountError> {
    let text = credential.and_then(|credential| JSON::stringify(&credential));
    text.map(String::from).map_err(|error| refused(&error))
}

/// Browsers do not tell a person who changed their mind from a device that has no such key.
fn refused(error: &JsValue) -> AccountError {
    leptos::logging::warn!("a passkey was not used: {error:?}");
    AccountError::PasskeyRefused
}
