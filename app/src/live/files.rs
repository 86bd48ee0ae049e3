//! What leaves the page for the person's own keeping: a file, or a text on the clipboard.

use crate::account::AccountError;
use js_sys::Array;
use leptos::prelude::{FromServerFnError, document, window};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, HtmlElement, RequestInit, Response, Url};

#[wasm_bindgen]
extern "C" {
    /// The clipboard is missing where a page does not come by https, and may refuse.
    #[wasm_bindgen(js_namespace = ["navigator", "clipboard"], js_name = writeText, catch)]
    async fn write_text(text: &str) -> Result<JsValue, JsValue>;
}

/// Has the browser save a text as a file.
pub fn save_file(name: &str, text: &str) {
    let kind = BlobPropertyBag::new();
    kind.set_type(if name.ends_with(".json") {
        "application/json"
    } else {
        "text/plain"
    });
    let parts = Array::of1(&text.into());
    if let Ok(blob) = Blob::new_with_str_sequence_and_options(&parts, &kind) {
        save(name, &blob);
    }
}

/// Puts a text on the clipboard. Tells whether the browser let it.
pub async fn copy(text: &str) -> bool {
    write_text(text).await.is_ok()
}

/// Has the browser save everything that the server has of this person as a file.
///
/// # Errors
/// The server was not reached, or answered that it cannot; nothing is saved then.
pub async fn save_export(name: &str) -> Result<(), AccountError> {
    let away = |_| AccountError::Network;
    let init = RequestInit::new();
    init.set_method("POST");
    let asked = window().fetch_with_str_and_init("/api/account/export", &init);
    let response: Response = JsFuture::from(asked)
        .await
        .and_then(JsCast::dyn_into)
        .map_err(away)?;
    if !response.ok() {
        let text = JsFuture::from(response.text().map_err(away)?).await;
        let text = text.map_err(away)?.as_string().unwrap_or_default();
        return Err(AccountError::de(text.into_bytes().into()));
    }
    let blob = JsFuture::from(response.blob().map_err(away)?).await;
    let blob: Blob = blob.and_then(JsCast::dyn_into).map_err(away)?;
    save(name, &blob);
    Ok(())
}

fn save(name: &str, blob: &Blob) {
    let Ok(address) = Url::create_object_url_with_blob(blob) else {
        return;
    };
    let link = document()
        .create_element("a")
        .and_then(|link| {
            link.set_attribute("href", &address)?;
            link.set_attribute("download", name)?;
            Ok(link)
        })
        .map(JsCast::unchecked_into::<HtmlElement>);
    // Not in the document, so that the router does not take the click for its own.
    if let Ok(link) = link {
        link.click();
    }
    // The browser has taken the file by now, and the address would hold it for ever.
    let _ = Url::revoke_object_url(&address);
}
