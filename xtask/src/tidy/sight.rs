//! One walk through a parsed Rust file, which notes what the rules in `rust.rs` ask for.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};

use super::shape::EMPTY_NAMES;
use super::{Finding, Findings};

/// The longest function that fits on a screen.
const LONGEST: usize = 70;

/// What is seen on the way through a file.
#[derive(Default)]
pub(super) struct Sight {
    in_test: bool,
    /// Functions that are too long.
    pub(super) long: Findings,
    /// Modules whose names say nothing.
    pub(super) empty_names: Findings,
    /// Unwraps outside of tests.
    pub(super) unwraps: Findings,
    /// Modules in files of their own that are compiled for tests only.
    pub(super) test_modules: Vec<String>,
}

impl Sight {
    fn function(&mut self, signature: &syn::Signature, body: &syn::Block) {
        let lines = line(body.brace_token.span.close()) + 1 - line(signature.fn_token.span);
        if lines > LONGEST {
            let message = format!(
                "`{}` has {lines} lines, and {LONGEST} are the most: give its parts names",
                signature.ident
            );
            self.long
                .push(Finding::new(line(signature.fn_token.span), message));
        }
    }

    fn within(&mut self, attributes: &[syn::Attribute], visit: impl FnOnce(&mut Sight)) {
        let before = self.in_test;
        self.in_test |= attributes.iter().any(is_for_tests);
        visit(self);
        self.in_test = before;
    }

    fn unwrap(&mut self, span: Span) {
        if !self.in_test {
            let message = "an unwrap: pass the error on, or `expect` with the sentence that says why it cannot be";
            self.unwraps.push(Finding::new(line(span), message));
        }
    }

    /// A macro's insides are no expressions yet, only tokens.
    fn tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<_> = tokens.into_iter().collect();
        for three in tokens.windows(3) {
            if let [
                TokenTree::Punct(dot),
                TokenTree::Ident(name),
                TokenTree::Group(call),
            ] = three
                && dot.as_char() == '.'
                && name == "unwrap"
                && call.delimiter() == Delimiter::Parenthesis
                && call.stream().is_empty()
            {
                self.unwrap(name.span());
            }
        }
        for token in tokens {
            if let TokenTree::Group(group) = token {
                self.tokens(group.stream());
            }
        }
    }
}

impl<'ast> Visit<'ast> for Sight {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let name = module.ident.to_string();
        if EMPTY_NAMES.contains(&name.as_str()) {
            let message = format!("`{name}` says nothing: name the module after what it does");
            self.empty_names
                .push(Finding::new(line(module.ident.span()), message));
        }
        if module.content.is_none() && module.attrs.iter().any(is_for_tests) {
            self.test_modules.push(name);
        }
        self.within(&module.attrs, |sight| visit::visit_item_mod(sight, module));
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.function(&function.sig, &function.block);
        self.within(&function.attrs, |sight| {
            visit::visit_item_fn(sight, function);
        });
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.function(&function.sig, &function.block);
        self.within(&function.attrs, |sight| {
            visit::visit_impl_item_fn(sight, function);
        });
    }

    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        self.within(&block.attrs, |sight| visit::visit_item_impl(sight, block));
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        if let Some(body) = &function.default {
            self.function(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "unwrap" && call.args.is_empty() {
            self.unwrap(call.method.span());
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
    }
}

/// `#[cfg(test)]`, `#[test]` and its likes.
fn is_for_tests(attribute: &syn::Attribute) -> bool {
    let name = attribute
        .path()
        .segments
        .last()
        .map(|segment| segment.ident.to_string())
        .unwrap_or_default();
    let is_cfg_of_tests = name == "cfg"
        && attribute.meta.require_list().is_ok_and(|list| {
            let condition = list.tokens.to_string();
            condition == "test"
                || condition.starts_with("all")
                    && condition
                        .split(['(', ',', ')', ' '])
                        .any(|word| word == "test")
        });
    is_cfg_of_tests || name == "test" || name == "wasm_bindgen_test"
}

/// The line a span begins in.
pub(super) fn line(span: Span) -> usize {
    span.start().line
}
