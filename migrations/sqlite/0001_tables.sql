-- Everything the server keeps. Scopes and their logs first, then people, then one table per synced type.
--
-- All tables are STRICT: a column holds what it says, or the write fails. Text identifiers have 22 characters and sort
-- as the numbers behind them do. Times are milliseconds since 1970, because that is what devices and stamps count in.

-- One log per scope. A scope is what a person may read as a whole: 'own:<user id>' or 'library'.
CREATE TABLE scopes (
    scope TEXT NOT NULL PRIMARY KEY,
    -- The last position given out. Raised inside the writing transaction, which holds SQLite's only write lock, so that
    -- positions follow the order of commits; a sequence or a clock would not.
    lsn INTEGER NOT NULL CHECK (lsn >= 0)
) STRICT;

-- The prompts that come with the server. No device writes here; migrations do.
INSERT INTO scopes (scope, lsn) VALUES ('library', 0);

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 22),
    -- As typed, for that is how its person knows it; compared without regard to case, so that nobody can have two.
    email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    -- Argon2id in PHC form: the parameters stand in the hash, so that they can be raised later.
    password_hash TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE sessions (
    -- SHA-256 of the cookie's value: who reads this table still cannot sign in with it.
    id_hash BLOB NOT NULL PRIMARY KEY CHECK (length(id_hash) = 32),
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What the session layer keeps in it, as JSON.
    data TEXT NOT NULL,
    -- Never renewed: a session ends so long after its sign-in, however busy it is.
    created_at_ms INTEGER NOT NULL,
    -- Moved on while the session is in use.
    expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- For ending all sessions of a person, and for sweeping out what has expired.
CREATE INDEX sessions_of_a_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

-- What became of each change that was ever pushed. It makes a push safe to repeat, and it is the history against which
-- a device's markers are held: the change at a position names the position's epoch.
CREATE TABLE outcomes (
    scope TEXT NOT NULL REFERENCES scopes (scope) ON DELETE CASCADE,
    op_id TEXT NOT NULL CHECK (length(op_id) = 22),
    -- The position the change was given; none when it changed nothing.
    lsn INTEGER,
    -- The first answer, as JSON, to be given again.
    outcome TEXT NOT NULL,
    -- When it came; what collection goes by.
    at_ms INTEGER NOT NULL,
    PRIMARY KEY (scope, op_id)
) STRICT, WITHOUT ROWID;

-- Two changes never share a position, and a position finds its change.
CREATE UNIQUE INDEX outcomes_by_lsn ON outcomes (scope, lsn) WHERE lsn IS NOT NULL;

-- The synced tables. Each has one typed column per field of its struct in `domain`, so that a person can read it, and
-- the same six around them:
--   scope, key  the row's name; a key of another scope is another row
--   lsn         its last position, unique in its scope over all tables because the scope's counter gives it
--   op_id       the change that was given this position
--   deleted     1 is a tombstone: its fields are NULL, and the row stays to tell devices that were away
--   stamps      who wrote each field and when, as JSON; only the engine reads it
-- Fields allow NULL because a tombstone has none; a CHECK holds living rows to what the struct demands.

CREATE TABLE prompts (
    scope TEXT NOT NULL REFERENCES scopes (scope) ON DELETE CASCADE,
    key TEXT NOT NULL CHECK (length(key) = 22),
    category TEXT,
    text TEXT,
    lsn INTEGER NOT NULL CHECK (lsn > 0),
    op_id TEXT NOT NULL CHECK (length(op_id) = 22),
    deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    stamps TEXT NOT NULL,
    PRIMARY KEY (scope, key),
    UNIQUE (scope, lsn),
    CHECK (deleted = 1 OR (category IS NOT NULL AND text IS NOT NULL))
) STRICT;

CREATE TABLE journal_entries (
    scope TEXT NOT NULL REFERENCES scopes (scope) ON DELETE CASCADE,
    key TEXT NOT NULL CHECK (length(key) = 22),
    -- A calendar day as its writer's calendar had it, YYYY-MM-DD; no time zone, so it never moves.
    day TEXT,
    title TEXT,
    -- Plain Markdown.
    body TEXT,
    -- The prompt it answers, if any. No foreign key: the library may drop a prompt, and an answer stays.
    prompt_id TEXT,
    -- That prompt's words as they were when they were answered.
    prompt_text TEXT,
    written_at INTEGER,
    -- When it was put into the trash; NULL while it is not there.
    trashed_at INTEGER,
    lsn INTEGER NOT NULL CHECK (lsn > 0),
    op_id TEXT NOT NULL CHECK (length(op_id) = 22),
    deleted INTEGER NOT NULL CHECK (deleted IN (0, 1)),
    stamps TEXT NOT NULL,
    PRIMARY KEY (scope, key),
    UNIQUE (scope, lsn),
    CHECK (
        deleted = 1
        OR (day IS NOT NULL AND title IS NOT NULL AND body IS NOT NULL AND written_at IS NOT NULL)
    )
) STRICT;
