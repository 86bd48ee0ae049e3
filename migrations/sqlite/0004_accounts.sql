-- Accounts: devices by name, what an ended session leaves, ways in besides a password, and what is under way.
-- Everything that was here stays as it was, but everybody signs in once more: the sessions of before say nothing of the
-- account's generation.

-- Raised when all sessions of a person end: a session begun before does not hold, also one that is just being made.
ALTER TABLE users ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;

-- An empty password_hash is no password: its person comes in by a passkey.

-- What the device calls itself.
ALTER TABLE sessions ADD COLUMN device TEXT NOT NULL DEFAULT '';

-- When it was last heard of, to some minutes.
ALTER TABLE sessions ADD COLUMN seen_at_ms INTEGER NOT NULL DEFAULT 0;

-- Sessions that were ended for their devices, which are to be told at their next call. Nothing here says whose they were.
CREATE TABLE ended_sessions (
    id_hash BLOB NOT NULL PRIMARY KEY CHECK (length(id_hash) = 32),
    -- 1 when the account is no more, 0 when the device was revoked.
    erased INTEGER NOT NULL CHECK (erased IN (0, 1)),
    -- Forgotten once no cookie can be so old.
    ended_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX ended_sessions_by_age ON ended_sessions (ended_at_ms);

-- Codes that let a person set a new password, each once. They have 80 random bits, so a plain hash of them gives nothing
-- away.
CREATE TABLE recovery_codes (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the code.
    code_hash BLOB NOT NULL CHECK (length(code_hash) = 32),
    PRIMARY KEY (user_id, code_hash)
) STRICT, WITHOUT ROWID;

-- Links that were mailed to people who forgot their password. A person has one at most, the newest.
CREATE TABLE password_links (
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the link's 256 random bits.
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    expires_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys that a person's devices and password managers hold; here is the public half.
CREATE TABLE passkeys (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- Its name for programs.
    id TEXT NOT NULL CHECK (length(id) = 22),
    -- What the device calls it, in hex. One key is one person's.
    credential_id TEXT NOT NULL UNIQUE,
    -- The public key and its counter, as the library keeps them, in JSON.
    credential TEXT NOT NULL,
    -- What the device called itself that made it.
    name TEXT NOT NULL,
    made_at_ms INTEGER NOT NULL,
    -- NULL until it was used.
    used_at_ms INTEGER,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

-- Challenges that a passkey is to answer, each once and within minutes.
CREATE TABLE challenges (
    -- SHA-256 of the name that the page holds.
    id_hash BLOB NOT NULL PRIMARY KEY CHECK (length(id_hash) = 32),
    -- What it is for; an answer to another purpose's challenge is none.
    purpose TEXT NOT NULL,
    -- Who asked to add a key; NULL while nobody is known yet.
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    -- What the library needs to check the answer, as JSON.
    state TEXT NOT NULL,
    made_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX challenges_by_age ON challenges (made_at_ms);
CREATE INDEX challenges_of_a_user ON challenges (user_id);
