-- Everything the server keeps. Scopes and their logs first, then people, then one table per synced type.
--
-- The twin of migrations/sqlite/0001_tables.sql, which says the same to SQLite. Text that is compared or put in order by
-- programs is COLLATE "C", whatever language the database sorts by: text identifiers have 22 characters and sort as the
-- numbers behind them do. Times are milliseconds since 1970, because that is what devices and stamps count in.

-- One log per scope. A scope is what a person may read as a whole: 'own:<user id>' or 'library'.
CREATE TABLE scopes (
    scope TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    -- The last position given out. Raised inside the writing transaction, which holds this row from its beginning to its
    -- commit, so that positions follow the order of commits; a sequence or a clock would not.
    lsn BIGINT NOT NULL CHECK (lsn >= 0)
);

-- The prompts that come with the server. No device writes here; migrations do.
INSERT INTO scopes (scope, lsn) VALUES ('library', 0);

CREATE TABLE users (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY CHECK (length(id) = 22),
    -- As typed, for that is how its person knows it.
    email TEXT COLLATE "C" NOT NULL,
    -- Argon2id in PHC form: the parameters stand in the hash, so that they can be raised later.
    password_hash TEXT NOT NULL,
    created_at_ms BIGINT NOT NULL
);

-- Compared without regard to the case of ASCII letters, so that nobody can have two.
CREATE UNIQUE INDEX users_by_email ON users (lower(email));

CREATE TABLE sessions (
    -- SHA-256 of the cookie's value: who reads this table still cannot sign in with it.
    id_hash BYTEA NOT NULL PRIMARY KEY CHECK (length(id_hash) = 32),
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- What the session layer keeps in it, as JSON.
    data TEXT NOT NULL,
    -- Never renewed: a session ends so long after its sign-in, however busy it is.
    created_at_ms BIGINT NOT NULL,
    -- Moved on while the session is in use.
    expires_at_ms BIGINT NOT NULL
);

-- For ending all sessions of a person, and for sweeping out what has expired.
CREATE INDEX sessions_of_a_user ON sessions (user_id);
CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

-- What became of each change that was ever pushed. It makes a push safe to repeat, and it is the history against which
-- a device's markers are held: the change at a position names the position's epoch.
CREATE TABLE outcomes (
    scope TEXT COLLATE "C" NOT NULL REFERENCES scopes (scope) ON DELETE CASCADE,
    op_id TEXT COLLATE "C" NOT NULL CHECK (length(op_id) = 22),
    -- The position the change was given; none when it changed nothing.
    lsn BIGINT,
    -- The first answer, as JSON, to be given again as it was written.
    outcome TEXT NOT NULL,
    -- When it came; what collection goes by.
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (scope, op_id)
);

-- Two changes never share a position, and a position finds its change.
CREATE UNIQUE INDEX outcomes_by_lsn ON outcomes (scope, lsn) WHERE lsn IS NOT NULL;

-- The synced tables. Each has one typed column per field of its struct in `domain`, so that a person can read it, and
-- the same six around them:
--   scope, key  the row's name; a key of another scope is another row
--   lsn         its last position, unique in its scope over all tables because the scope's counter gives it
--   op_id       the change that was given this position
--   deleted     true is a tombstone: its fields are NULL, and the row stays to tell devices that were away
--   stamps      who wrote each field and when; only the engine reads it
-- Fields allow NULL because a tombstone has none; a CHECK holds living rows to what the struct demands.

CREATE TABLE prompts (
    scope TEXT COLLATE "C" NOT NULL REFERENCES scopes (scope) ON DELETE CASCADE,
    key TEXT COLLATE "C" NOT NULL CHECK (length(key) = 22),
    category TEXT,
    text TEXT,
    lsn BIGINT NOT NULL CHECK (lsn > 0),
    op_id TEXT COLLATE "C" NOT NULL CHECK (length(op_id) = 22),
    deleted BOOLEAN NOT NULL,
    stamps JSONB NOT NULL,
    PRIMARY KEY (scope, key),
    UNIQUE (scope, lsn),
    CHECK (deleted OR (category IS NOT NULL AND text IS NOT NULL))
);

CREATE TABLE journal_entries (
    scope TEXT COLLATE "C" NOT NULL REFERENCES scopes (scope) ON DELETE CASCADE,
    key TEXT COLLATE "C" NOT NULL CHECK (length(key) = 22),
    -- A calendar day as its writer's calendar had it, YYYY-MM-DD; no time zone, so it never moves. Text, because the
    -- engine compares it as text; it casts to DATE.
    day TEXT COLLATE "C",
    title TEXT,
    -- Plain Markdown.
    body TEXT,
    -- The prompt it answers, if any. No foreign key: the library may drop a prompt, and an answer stays.
    prompt_id TEXT COLLATE "C",
    -- That prompt's words as they were when they were answered.
    prompt_text TEXT,
    written_at BIGINT,
    -- When it was put into the trash; NULL while it is not there.
    trashed_at BIGINT,
    lsn BIGINT NOT NULL CHECK (lsn > 0),
    op_id TEXT COLLATE "C" NOT NULL CHECK (length(op_id) = 22),
    deleted BOOLEAN NOT NULL,
    stamps JSONB NOT NULL,
    PRIMARY KEY (scope, key),
    UNIQUE (scope, lsn),
    CHECK (
        deleted
        OR (day IS NOT NULL AND title IS NOT NULL AND body IS NOT NULL AND written_at IS NOT NULL)
    )
);
