//! What the engine is told about the product: its tables, and how its long texts are joined.

use crate::change::Refusal;
use crate::table::{Schema, TableSpec};
use crate::text::Texts;
use alloc::string::ToString;

/// The same on every device and on the server.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// All synced tables.
    pub schema: &'static Schema,
    /// How long texts are compared and joined.
    pub texts: &'static dyn Texts,
}

impl Rules {
    /// The table of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn table(&self, name: &str) -> Result<&'static TableSpec, Refusal> {
        self.schema
            .table(name)
            .ok_or_else(|| Refusal::UnknownTable(name.to_string()))
    }
}
