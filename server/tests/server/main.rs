//! The server from outside: a real process' worth of it on a real socket, with a real database
//! file, and clients that know only HTTP and the protocol.

mod accounts;
mod backup;
mod collect;
mod conformance;
mod cursor;
mod device;
mod fuzz;
mod joining;
mod listening;
mod positions;
mod program;
mod push;
mod refusals;
mod said;
mod site;
mod slow;
mod socket;
mod stream;
mod together;
mod watching;
mod ways;
mod world;
