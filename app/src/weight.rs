//! Views that carry no more code than they need.
//!
//! Leptos can render every view on the server, take it over in the browser at once or bit by
//! bit, make it anew and change it in place, and it writes all of that out for every type of
//! view. Here a page is either [`Served`]: rendered on the server and taken over at once; or
//! [`Lean`]: made in the browser, and made anew when it changes as a whole. What changes inside
//! of either is said by [`changing`] and [`whenever`], which are written out once for all.

use leptos::attr::Attribute;
use leptos::attr::any_attribute::AnyAttribute;
use leptos::children::ToChildren;
use leptos::prelude::*;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::renderer::types::{Element, Node};
use leptos::tachys::view::{Mountable, Position, PositionState};

/// A text, an attribute or a part of a view that changes.
pub(crate) type Changing<T> = Box<dyn FnMut() -> T + Send>;

/// What a reader of signals says, whenever they say something else.
pub(crate) fn changing<T>(value: impl FnMut() -> T + Send + 'static) -> Changing<T> {
    Box::new(value)
}

/// Acts now, and whenever the signals that were read say something else. On the server, never.
pub(crate) fn whenever(act: impl FnMut() + 'static) {
    let act: Box<dyn FnMut()> = Box::new(act);
    Effect::new(act);
}

/// A view that only the browser makes: everything personal.
pub(crate) struct Lean(Box<dyn FnOnce() -> LeanState + Send>);

/// Such a view in the document.
pub(crate) struct LeanState(Box<dyn Mountable>);

/// Leaves away what only the server's pages need.
pub(crate) trait Leaner {
    /// The view, which must have an element in it: there is no other mark of its place.
    fn lean(self) -> Lean;
}

impl<V: Render<State: 'static> + Send + 'static> Leaner for V {
    fn lean(self) -> Lean {
        Lean(Box::new(move || LeanState(Box::new(self.build()))))
    }
}

/// What stands inside of a part: [`Children`] would write out all that Leptos can do with them.
impl<F, V> ToChildren<F> for Lean
where
    F: FnOnce() -> V,
    V: Leaner,
{
    fn to_children(children: F) -> Self {
        children().lean()
    }
}

impl Render for Lean {
    type State = LeanState;

    fn build(self) -> LeanState {
        (self.0)()
    }

    fn rebuild(self, state: &mut LeanState) {
        let mut new = self.build();
        state.insert_before_this(&mut new);
        state.unmount();
        *state = new;
    }
}

impl Mountable for LeanState {
    fn unmount(&mut self) {
        self.0.unmount();
    }

    fn mount(&mut self, parent: &Element, marker: Option<&Node>) {
        self.0.mount(parent, marker);
    }

    fn insert_before_this(&self, child: &mut dyn Mountable) -> bool {
        self.0.insert_before_this(child)
    }

    fn elements(&self) -> Vec<Element> {
        self.0.elements()
    }
}

impl AddAnyAttr for Lean {
    type Output<SomeNewAttr: Attribute> = Self;

    fn add_any_attr<NewAttr: Attribute>(self, _: NewAttr) -> Self::Output<NewAttr> {
        self
    }
}

impl RenderHtml for Lean {
    type AsyncOutput = ();
    type Owned = Self;

    const MIN_LENGTH: usize = 0;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) {}

    fn to_html_with_buf(
        self,
        _: &mut String,
        _: &mut Position,
        _: bool,
        _: bool,
        _: Vec<AnyAttribute>,
    ) {
    }

    /// The server rendered nothing of it, so there is nothing to take over.
    fn hydrate<const FROM_SERVER: bool>(self, _: &Cursor, _: &PositionState) -> LeanState {
        self.build()
    }

    fn into_owned(self) -> Self {
        self
    }
}

/// A view that the server renders and the browser takes over: the public pages.
pub(crate) struct Served<V>(pub(crate) V);

impl<V: Render> Render for Served<V> {
    type State = V::State;

    fn build(self) -> Self::State {
        self.0.build()
    }

    fn rebuild(self, state: &mut Self::State) {
        let mut new = self.build();
        state.insert_before_this(&mut new);
        state.unmount();
        *state = new;
    }
}

impl<V: RenderHtml + 'static> AddAnyAttr for Served<V> {
    type Output<SomeNewAttr: Attribute> = Self;

    fn add_any_attr<NewAttr: Attribute>(self, _: NewAttr) -> Self::Output<NewAttr> {
        self
    }
}

impl<V: RenderHtml + 'static> RenderHtml for Served<V> {
    type AsyncOutput = ();
    type Owned = Self;

    const MIN_LENGTH: usize = V::MIN_LENGTH;

    fn dry_resolve(&mut self) {}

    async fn resolve(self) {}

    fn html_len(&self) -> usize {
        self.0.html_len()
    }

    fn to_html_with_buf(
        self,
        buf: &mut String,
        position: &mut Position,
        escape: bool,
        mark_branches: bool,
        extra_attrs: Vec<AnyAttribute>,
    ) {
        self.0
            .to_html_with_buf(buf, position, escape, mark_branches, extra_attrs);
    }

    fn hydrate<const FROM_SERVER: bool>(
        self,
        cursor: &Cursor,
        position: &PositionState,
    ) -> Self::State {
        self.0.hydrate::<FROM_SERVER>(cursor, position)
    }

    fn into_owned(self) -> Self {
        self
    }
}
