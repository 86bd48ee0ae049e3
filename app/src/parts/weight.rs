//! Views that carry no more code than they need.
//!
//! Leptos can render every view on the server, take it over in the browser at once or bit by
//! bit, and make it anew; erasing a view's type keeps all of that code. Here a page is either
//! [`Served`]: rendered on the server and taken over at once, or [`Mounted`]: made in the
//! browser and never anywhere else. Each gives the other's code away, which halves the program.

use leptos::attr::Attribute;
use leptos::attr::any_attribute::AnyAttribute;
use leptos::prelude::*;
use leptos::tachys::hydration::Cursor;
use leptos::tachys::view::{Position, PositionState};

/// A view that only the browser makes: everything personal.
pub(crate) struct Mounted<V>(pub(crate) V);

/// A view that the server renders and the browser takes over: the public pages.
pub(crate) struct Served<V>(pub(crate) V);

/// Erases a view that only the browser makes.
pub(crate) trait Mount {
    /// The view, erased.
    fn mounted(self) -> AnyView;
}

impl<V: RenderHtml + 'static> Mount for V {
    fn mounted(self) -> AnyView {
        Mounted(self).into_any()
    }
}

impl<V: Render> Render for Mounted<V> {
    type State = V::State;

    fn build(self) -> Self::State {
        self.0.build()
    }

    fn rebuild(self, state: &mut Self::State) {
        self.0.rebuild(state);
    }
}

impl<V: RenderHtml + 'static> AddAnyAttr for Mounted<V> {
    type Output<SomeNewAttr: Attribute> = Self;

    fn add_any_attr<NewAttr: Attribute>(self, _: NewAttr) -> Self::Output<NewAttr> {
        self
    }
}

impl<V: RenderHtml + 'static> RenderHtml for Mounted<V> {
    type AsyncOutput = ();
    type Owned = Self;

    const MIN_LENGTH: usize = 0;
    const EXISTS: bool = V::EXISTS;

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
    fn hydrate<const FROM_SERVER: bool>(self, _: &Cursor, _: &PositionState) -> Self::State {
        self.0.build()
    }

    fn into_owned(self) -> Self {
        self
    }
}

impl<V: Render> Render for Served<V> {
    type State = V::State;

    fn build(self) -> Self::State {
        self.0.build()
    }

    fn rebuild(self, state: &mut Self::State) {
        self.0.rebuild(state);
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
    const EXISTS: bool = V::EXISTS;

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
        self.0.to_html_with_buf(buf, position, escape, mark_branches, extra_attrs);
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
