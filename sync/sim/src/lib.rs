//! The simulator: people with many devices and tabs, server nodes over one database, a network
//! and disks that fail, in virtual time and on one thread; the real engine on both sides.
//!
//! A [`history`] says what people do and what goes wrong. [`world`] plays it: a storm, then a
//! calm in which everything heals and everybody must come to agree. [`check`] watches all the
//! while. The same history gives the same run, to the last event.
//!
//! # Layout, in reading order
//! - [`history`], [`generate`]: what happens, as data, and where it comes from
//! - [`tables`]: the tables that are written to, with a version before
//! - [`store`]: a device's disk, transaction by transaction
//! - [`device`], [`perform`]: tabs that drive the engine, and its effects
//! - [`net`], [`server`], [`serve`]: lines that fail, the database, and the nodes at work
//! - [`oracle`]: who wrote what, looking at what
//! - [`world`], [`write`], [`act`], [`trouble`]: the play; [`stop`]: what ends one before its time
//! - [`check`]: the twelve checkers
//! - [`shrink`], [`planted`]: what is done with failures, and how the tests are measured
//! - [`run`], [`tell`]: many histories on all cores, and what is said of them

pub mod act;
pub mod check;
pub mod device;
pub mod generate;
pub mod history;
pub mod net;
pub mod oracle;
pub mod perform;
pub mod planted;
pub mod run;
pub mod serve;
pub mod server;
pub mod shrink;
pub mod stop;
pub mod store;
pub mod tables;
pub mod tell;
pub mod trouble;
pub mod world;
pub mod write;
