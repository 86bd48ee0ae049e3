//! `window.daybook`: how scripts and tests watch sync.

use leptos::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use sync::device::status::Connectivity;
use wasm_bindgen::prelude::{Closure, JsValue};

thread_local! {
    /// Who listens, by the name of the event.
    static LISTENERS: RefCell<BTreeMap<String, Vec<js_sys::Function>>> =
        const { RefCell::new(BTreeMap::new()) };
}

/// Puts the object on the window. Called once.
pub(super) fn show(connectivity: ReadSignal<Connectivity>) {
    let face = js_sys::Object::new();
    let on = Closure::<dyn Fn(String, js_sys::Function)>::new(listen);
    let off = Closure::<dyn Fn(String, js_sys::Function)>::new(forget);
    let current = Closure::<dyn Fn() -> JsValue>::new(move || {
        connectivity
            .try_with_untracked(plain)
            .unwrap_or(JsValue::NULL)
    });
    set(&face, "onSyncEvent", &on.into_js_value());
    set(&face, "offSyncEvent", &off.into_js_value());
    set(&face, "connectivity", &current.into_js_value());
    set(&window(), "daybook", &face);
}

/// Tells whoever listens to this event, which came as JSON.
pub(super) fn tell(json: &str) {
    let told = js_sys::JSON::parse(json).unwrap_or(JsValue::NULL);
    let part = |name: &str| js_sys::Reflect::get(&told, &name.into()).unwrap_or_default();
    let name = part("event").as_string().unwrap_or_default();
    // A listener may add or remove listeners, so none are borrowed while it runs.
    let listeners = LISTENERS
        .with_borrow(|all| all.get(&name).cloned())
        .unwrap_or_default();
    for listener in listeners {
        if let Err(error) = listener.call1(&JsValue::NULL, &part("detail")) {
            leptos::logging::error!("a listener of {name} failed: {error:?}");
        }
    }
}

fn listen(event: String, callback: js_sys::Function) {
    LISTENERS.with_borrow_mut(|all| all.entry(event).or_default().push(callback));
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "JavaScript hands its values over"
)]
fn forget(event: String, callback: js_sys::Function) {
    LISTENERS.with_borrow_mut(|all| {
        if let Some(listeners) = all.get_mut(&event) {
            listeners.retain(|listener| *listener != callback);
        }
    });
}

/// A value as a plain object of JavaScript.
fn plain<T: serde::Serialize>(value: &T) -> JsValue {
    let text = serde_json::to_string(value).unwrap_or_default();
    js_sys::JSON::parse(&text).unwrap_or(JsValue::NULL)
}

fn set(target: &JsValue, name: &str, value: &JsValue) {
    // Only a frozen object refuses, and these are not.
    let _ = js_sys::Reflect::set(target, &name.into(), value);
}
