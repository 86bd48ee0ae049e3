//! Derives `Synced`.
