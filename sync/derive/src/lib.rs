//! `#[derive(Synced)]`: one declaration makes a synced table.
//!
//! ```text
//! #[derive(Synced)]
//! #[synced(table = "journal_entries", index(day), scopes("own"), trash(trashed_at))]
//! pub struct JournalEntry {
//!     #[synced(key)]
//!     pub id: Id,
//!     pub day: Day,
//! }
//! ```
//! Every field but the key has a type that implements `sync::table::FieldType`.

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Field, Fields, Ident, LitStr, Result, Type};

/// Declares a synced table; see the crate's page for the form.
#[proc_macro_derive(Synced, attributes(synced))]
pub fn derive_synced(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as DeriveInput);
    expand(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// What stands in `#[synced(...)]` above the struct.
#[derive(Default)]
struct TableAttributes {
    table: Option<LitStr>,
    indexes: Vec<Ident>,
    scopes: Vec<LitStr>,
    trash: Option<Ident>,
    revisions: Option<LitStr>,
    server_only: bool,
}

fn expand(input: &DeriveInput) -> Result<Tokens> {
    let attributes = table_attributes(input)?;
    let table = attributes
        .table
        .as_ref()
        .ok_or_else(|| Error::new(input.span(), "name the table: #[synced(table = \"…\")]"))?;
    if attributes.scopes.is_empty() {
        return Err(Error::new(
            input.span(),
            "say whose rows these are: scopes(\"own\")",
        ));
    }
    let (key, fields) = key_and_fields(input)?;
    names_are_fields(&attributes, &fields)?;
    let trash = option(attributes.trash.map(|field| field.to_string()));
    let revisions = option(attributes.revisions.map(|table| table.value()));
    let server_only = attributes.server_only;
    let indexes = attributes.indexes.iter().map(ToString::to_string);
    let scopes = &attributes.scopes;
    let names: Vec<_> = fields.iter().map(|(name, _)| name.to_string()).collect();
    let idents: Vec<_> = fields.iter().map(|(name, _)| name).collect();
    let types: Vec<_> = fields.iter().map(|(_, kind)| kind).collect();
    let name = &input.ident;
    Ok(quote! {
        impl ::sync::table::Synced for #name {
            const TABLE: &'static ::sync::table::TableSpec = &::sync::table::TableSpec {
                name: #table,
                fields: &[#(::sync::table::FieldSpec {
                    name: #names,
                    kind: <#types as ::sync::table::FieldType>::KIND,
                    nullable: <#types as ::sync::table::FieldType>::NULLABLE,
                    merged: <#types as ::sync::table::FieldType>::MERGED,
                }),*],
                indexes: &[#(#indexes),*],
                scopes: &[#(#scopes),*],
                trash: #trash,
                revisions: #revisions,
                server_only: #server_only,
            };

            fn key(&self) -> ::sync::id::Id {
                self.#key
            }

            fn to_fields(&self) -> ::sync::value::Fields {
                let mut fields = ::sync::value::Fields::new();
                #(fields.insert(
                    #names.into(),
                    ::sync::table::FieldType::to_value(&self.#idents),
                );)*
                fields
            }

            fn from_fields(
                key: ::sync::id::Id,
                fields: &::sync::value::Fields,
            ) -> ::core::result::Result<Self, ::sync::table::FieldError> {
                ::core::result::Result::Ok(Self {
                    #key: key,
                    #(#idents: ::sync::table::read_field(fields, #names)?),*
                })
            }
        }
    })
}

fn option(name: Option<String>) -> Tokens {
    name.map_or_else(
        || quote!(::core::option::Option::None),
        |name| quote!(::core::option::Option::Some(#name)),
    )
}

fn table_attributes(input: &DeriveInput) -> Result<TableAttributes> {
    let mut attributes = TableAttributes::default();
    for attribute in input.attrs.iter().filter(|a| a.path().is_ident("synced")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("table") {
                attributes.table = Some(meta.value()?.parse()?);
                Ok(())
            } else if meta.path.is_ident("index") {
                meta.parse_nested_meta(|index| {
                    attributes.indexes.push(index.path.require_ident()?.clone());
                    Ok(())
                })
            } else if meta.path.is_ident("scopes") {
                let list;
                syn::parenthesized!(list in meta.input);
                let scopes =
                    list.parse_terminated(<LitStr as syn::parse::Parse>::parse, syn::Token![,])?;
                attributes.scopes.extend(scopes);
                Ok(())
            } else if meta.path.is_ident("trash") {
                meta.parse_nested_meta(|field| {
                    attributes.trash = Some(field.path.require_ident()?.clone());
                    Ok(())
                })
            } else if meta.path.is_ident("revisions") {
                let table;
                syn::parenthesized!(table in meta.input);
                attributes.revisions = Some(table.parse()?);
                Ok(())
            } else if meta.path.is_ident("server_only") {
                attributes.server_only = true;
                Ok(())
            } else {
                Err(meta.error(
                    "expected table = \"…\", index(field), scopes(\"…\"), trash(field), \
                     revisions(\"…\") or server_only",
                ))
            }
        })?;
    }
    Ok(attributes)
}

type NamedField<'a> = (&'a Ident, &'a Type);

fn names_are_fields(attributes: &TableAttributes, fields: &[NamedField<'_>]) -> Result<()> {
    for named in attributes.indexes.iter().chain(&attributes.trash) {
        if !fields.iter().any(|(name, _)| *name == named) {
            return Err(Error::new(
                named.span(),
                "an index or a trash names a field of this struct",
            ));
        }
    }
    Ok(())
}

fn key_and_fields(input: &DeriveInput) -> Result<(&Ident, Vec<NamedField<'_>>)> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new(
            input.span(),
            "a synced table is declared as a struct",
        ));
    };
    let Fields::Named(named) = &data.fields else {
        return Err(Error::new(
            input.span(),
            "a synced table's fields have names",
        ));
    };
    let mut key = None;
    let mut fields = Vec::new();
    for field in &named.named {
        let Some(name) = &field.ident else { continue };
        if is_key(field)? {
            if key.replace(name).is_some() {
                return Err(Error::new(name.span(), "a table has one key"));
            }
        } else {
            fields.push((name, &field.ty));
        }
    }
    let key = key.ok_or_else(|| Error::new(input.span(), "mark the key: #[synced(key)]"))?;
    Ok((key, fields))
}

fn is_key(field: &Field) -> Result<bool> {
    let mut key = false;
    for attribute in field.attrs.iter().filter(|a| a.path().is_ident("synced")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("key") {
                key = true;
                Ok(())
            } else {
                Err(meta.error("the only mark of a field is #[synced(key)]"))
            }
        })?;
    }
    Ok(key)
}
