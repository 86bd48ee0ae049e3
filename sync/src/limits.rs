//! Every bound of the engine and the wire, by name and with its unit.

/// The version of the wire. A frame of another version is refused, never guessed at.
pub const WIRE_VERSION: u16 = 1;

/// How many changes one push may carry.
pub const PUSH_CHANGES_MAX: usize = 100;

/// How many bytes the body of one push may have.
pub const PUSH_BYTES_MAX: usize = 1024 * 1024;

/// How many bytes a `hello` or any other small request may have.
pub const HELLO_BYTES_MAX: usize = 64 * 1024;

/// How many bytes one frame from the server may have; more ends the link.
pub const FRAME_BYTES_MAX: usize = 2 * 1024 * 1024;

/// How many rows the server puts into one chunk of the feed.
pub const CHUNK_ROWS_MAX: usize = 100;

/// How many bytes of rows the server puts into one chunk of the feed. A single larger row
/// still travels, alone.
pub const CHUNK_BYTES_MAX: usize = 256 * 1024;

/// How many bytes of rows the server puts into one chunk for the sake of one group. A heavier
/// group arrives in parts, for a frame beyond [`FRAME_BYTES_MAX`] would never arrive.
pub const GROUP_BYTES_MAX: usize = FRAME_BYTES_MAX / 2;

/// How many bytes the text of one entry may have.
pub const BODY_BYTES_MAX: usize = 200 * 1024;

/// How many scopes and tables a `hello` may name together.
pub const MARKERS_MAX: usize = 256;

/// How often the server says that it is alive.
pub const HEARTBEAT_MS: u64 = 10_000;

/// How much later or earlier than [`HEARTBEAT_MS`] a heartbeat may come, so that many streams
/// do not beat as one.
pub const HEARTBEAT_JITTER_MS: u64 = 1_000;

/// How long a device waits for any sign of life before it gives a link up.
pub const WATCHDOG_MS: u64 = 30_000;

/// How many signs of life in a row a device that catches up takes without a page between them.
pub const HEARTBEATS_WITHOUT_PAGE_MAX: u32 = 4;

/// How often a provider that polls asks whether there is anything new.
pub const POLL_MS: u64 = 10_000;

/// How many bytes of frames a device keeps that a socket brought before they were asked for;
/// more ends the link, and the rest comes again.
pub const SOCKET_QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a push may take before the device gives it up.
pub const PUSH_TIMEOUT_MS: u64 = 30_000;

/// The first delay between two attempts to connect.
pub const BACKOFF_MS_MIN: u64 = 1_000;

/// The longest delay between two attempts to connect.
pub const BACKOFF_MS_MAX: u64 = 30_000;

/// What a device waits when a server is busy and does not say how long.
pub const BUSY_MS: u64 = 1_000;

/// The longest time that a server may ask a device to stay away.
pub const RETRY_AFTER_MS_MAX: u64 = 2 * 60 * 1_000;

/// How often a change that the server failed to answer is tried before it is set aside.
pub const ATTEMPTS_MAX: u32 = 5;

/// The delays before a change is tried again, by attempts spent.
pub const ATTEMPT_DELAYS_MS: [u64; 4] = [250, 1_000, 3_000, 5_000];

/// After how many failed connects in a row the host is told that it is taking long.
pub const CONNECTS_FAILED_NOTICE: u32 = 5;

/// How long a page waits for its worker's answer.
pub const REQUEST_TIMEOUT_MS: u64 = 30_000;

/// How many rows one query of a page returns at most.
pub const QUERY_ROWS_MAX: usize = 1_000;

/// How many edits a page may put into one mutation.
pub const MUTATION_EDITS_MAX: usize = GROUP_CHANGES_MAX;

/// How many requests a page keeps while its worker is starting.
pub const REQUESTS_QUEUED_MAX: usize = 256;

/// A smaller change of the offset to the server's clock is the network's doing and not stored.
pub const OFFSET_NOISE_MS: i64 = 2_000;

/// A device whose clock is further from the server's than this, either way, has its stamps
/// shifted by the server.
pub const DRIFT_MS_MAX: u64 = 60_000;

/// A shorter text always travels whole.
pub const PATCH_BYTES_MIN: usize = 1_024;

/// How many replacements a patch may have; a text that changed in more places travels whole.
pub const PATCH_SPLICES_MAX: usize = 256;

/// Of the texts that one writer wrote over, one is kept as a revision in so much time. What
/// lost against another writer is always kept.
pub const REVISION_WINDOW_MS: u64 = 10 * 60 * 1_000;

/// How many changes may be accepted or refused together.
pub const GROUP_CHANGES_MAX: usize = 50;

/// How many of the newest rows of a table that has a day are shown before the rest comes.
pub const HEAD_ROWS_MAX: usize = 50;

/// How often a row that cannot be stored is tried before it is set aside and passed.
pub const BAD_ROW_TRIES_MAX: u32 = 3;

/// After so many failures of the server within [`BREAKER_WINDOW_MS`] the breaker opens.
pub const BREAKER_FAILURES_MAX: usize = 5;

/// Failures further apart than this are not counted together.
pub const BREAKER_WINDOW_MS: u64 = 60_000;

/// How long an open breaker lets nothing through; then one probe goes.
pub const BREAKER_OPEN_MS: u64 = 30_000;

/// How many waiting changes are reported as a queue that is getting long.
pub const QUEUE_NOTICE: u64 = 500;

/// How often the leading tab looks at the outbox by itself, should news of a write have been
/// lost between tabs.
pub const OUTBOX_REREAD_MS: u64 = 10_000;

/// How often a device that has nothing to do clears out what has served its time.
pub const COLLECT_MS: u64 = 10 * 60 * 1_000;

/// How many rows or changes one pass of clearing out or sweeping may touch.
pub const SWEEP_ROWS_MAX: usize = 200;

/// How long tombstones and outcomes are kept, on both sides.
pub const TOMBSTONE_MS: u64 = 400 * DAY_MS;

/// How long superseded revisions and texts are kept on the server.
pub const REVISION_MS: u64 = 90 * DAY_MS;

/// How long a device keeps the history of changes that are done.
pub const HISTORY_MS: u64 = 90 * DAY_MS;

const DAY_MS: u64 = 24 * 60 * 60 * 1_000;

/// So many versions of the tables are spoken at once: a device may be this much less one behind.
pub const SCHEMA_VERSIONS_SPOKEN: u32 = 5;

/// The same conflict is reported at most once in so much time.
pub const CONFLICT_NOTICE_MS: u64 = 15_000;

/// How many mutations a device remembers by name, so that one asked twice is kept once.
pub const MUTATIONS_REMEMBERED_MAX: usize = 64;
