//! How copies agree: the sync engine.
#![no_std]
