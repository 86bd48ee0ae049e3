//! One tab leads: a Web Lock named after the database decides which.

use js_sys::{Function, Promise};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};

#[wasm_bindgen]
extern "C" {
    // Web Locks are not in the stable bindings yet.
    #[wasm_bindgen(js_namespace = ["navigator", "locks"], js_name = request, catch)]
    fn request_lock(name: &str, held: &Function) -> Result<Promise, JsValue>;
}

/// A wish to lead, and the lead once it is given. Dropping it gives both up.
pub(crate) struct Lead {
    release: Rc<RefCell<Option<Function>>>,
    given_up: Rc<RefCell<bool>>,
}

impl Lead {
    /// Waits for the lead over the database of this name; `led` runs when this tab has it.
    pub(crate) fn wish(name: &str, led: impl FnOnce() + 'static) -> Self {
        let release = Rc::new(RefCell::new(None));
        let given_up = Rc::new(RefCell::new(false));
        let (keep, gone) = (release.clone(), given_up.clone());
        let led = RefCell::new(Some(led));
        let held = Closure::once_into_js(move || {
            if *gone.borrow() {
                return Promise::resolve(&JsValue::UNDEFINED);
            }
            if let Some(led) = led.take() {
                led();
            }
            // The lock is held for as long as this promise stays open.
            Promise::new(&mut |resolve, _| {
                keep.replace(Some(resolve));
            })
        });
        match request_lock(&format!("{name}-leader"), held.unchecked_ref()) {
            Ok(promise) => spawn_local(async move {
                // It ends when the lead is given up; there is nothing to learn from how.
                let _ = JsFuture::from(promise).await;
            }),
            // Plain http to another machine has no locks. Every tab leads then, which is
            // harmless: the commit is safe between tabs and pushes may be repeated.
            Err(_) => {
                let _ = held.unchecked_ref::<Function>().call0(&JsValue::NULL);
            }
        }
        Self { release, given_up }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.given_up.replace(true);
        if let Some(release) = self.release.take() {
            let _ = release.call0(&JsValue::NULL);
        }
    }
}
