//! The data worker.
