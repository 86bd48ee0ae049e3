//! What a journal is.
