//! A question to write to.

use crate::kinds::{Category, PromptText};
use sync::id::Id;
use sync::table::Synced;

/// A question to write to. Prompts come with the server and are on every device.
#[derive(Clone, Debug, PartialEq, Eq, Synced)]
#[synced(table = "prompts", index(category), scopes("library"))]
pub struct Prompt {
    /// Its key.
    #[synced(key)]
    pub id: Id,
    /// Its family.
    pub category: Category,
    /// The question.
    pub text: PromptText,
}
