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

/// How long a push may take before the device gives it up.
pub const PUSH_TIMEOUT_MS: u64 = 30_000;

/// The first delay between two attempts to connect.
pub const BACKOFF_MS_MIN: u64 = 1_000;

/// The longest delay between two attempts to connect.
pub const BACKOFF_MS_MAX: u64 = 30_000;

/// What a device waits when a server is busy and does not say how long.
pub const BUSY_MS: u64 = 1_000;

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
pub const MUTATION_EDITS_MAX: usize = 100;

/// How many requests a page keeps while its worker is starting.
pub const REQUESTS_QUEUED_MAX: usize = 256;

/// A smaller change of the offset to the server's clock is the network's doing and not stored.
pub const OFFSET_NOISE_MS: i64 = 2_000;

/// How many mutations a device remembers by name, so that one asked twice is kept once.
pub const MUTATIONS_REMEMBERED_MAX: usize = 64;
