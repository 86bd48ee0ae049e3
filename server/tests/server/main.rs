//! The server from outside: a real process' worth of it on a real socket, with a real database
//! file, and clients that know only HTTP and the protocol.

mod accounts;
mod backup;
mod changes;
mod cluster;
mod collect;
mod conformance;
mod cursor;
mod database;
mod device;
mod devices;
mod fuzz;
mod integrity;
mod joining;
mod listening;
mod nodes;
mod order;
mod passkeys;
mod positions;
mod postbox;
mod program;
mod push;
mod refusals;
mod said;
mod schema;
mod site;
mod slow;
mod socket;
mod story;
mod stream;
mod together;
mod watching;
mod ways;
mod ways_back;
mod world;
