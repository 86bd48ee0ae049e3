-- Texts that are joined, revisions of what lost, groups, clocks that are wrong, and clearing out. The twin of
-- migrations/sqlite/0003_revisions.sql. Everything that was here stays as it was; what is added begins empty.

-- Up to which position tombstones have been cleared out. A device that stands below it may have missed a deletion and
-- takes the state anew. Never beyond the end of the log, for such a device could never come past it.
ALTER TABLE scopes ADD COLUMN floor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE scopes ADD CHECK (floor >= 0 AND floor <= lsn);

-- The stamp that a change claimed, when its device's clock was so wrong that the server shifted it; NULL otherwise. The
-- stamp it has now is in the outcome. Nothing reads this but a person who looks for the reason of an odd order.
ALTER TABLE outcomes ADD COLUMN claimed TEXT;

-- Answers to changes that changed nothing are not kept any more: they follow from the change and from what is there, and
-- a repeat may do better. So each outcome has a position now.
DELETE FROM outcomes WHERE lsn IS NULL;
ALTER TABLE outcomes ALTER COLUMN lsn SET NOT NULL;

-- The seventh column around the fields of every synced table: the group of the change at the row's position. Rows of one
-- group are sent together. NULL for a change that stood alone, as all did so far.
ALTER TABLE prompts ADD COLUMN group_id TEXT COLLATE "C" CHECK (length(group_id) = 22);
ALTER TABLE journal_entries ADD COLUMN group_id TEXT COLLATE "C" CHECK (length(group_id) = 22);

-- What a new device is shown first: the newest living entries, by their writer's calendar and then by when they were
-- made, which is what the key sorts by. Tombstones have no day and are not shown.
CREATE INDEX journal_entries_by_day ON journal_entries (scope, day, key) WHERE NOT deleted;

-- What clearing out looks for: few rows of many, so that it need not read a whole journal for them every hour.
CREATE INDEX journal_entries_tombstones ON journal_entries (scope, lsn) WHERE deleted;

-- What a field of an entry said once. The server writes these when an edit loses, and for what is written over.
CREATE TABLE entry_revisions (
    scope TEXT COLLATE "C" NOT NULL REFERENCES scopes (scope) ON DELETE CASCADE,
    key TEXT COLLATE "C" NOT NULL CHECK (length(key) = 22),
    -- The entry. No foreign key: when the entry is deleted for good, what it said stays for as long as revisions do.
    row_key TEXT COLLATE "C",
    field TEXT,
    -- What the field said, whatever its type, as text.
    text TEXT,
    -- When that was written and on which device, by its stamp.
    written_at BIGINT,
    device_id TEXT COLLATE "C",
    -- True when it lost against an edit made apart, false when somebody who saw it wrote over it.
    lost BOOLEAN,
    lsn BIGINT NOT NULL CHECK (lsn > 0),
    op_id TEXT COLLATE "C" NOT NULL CHECK (length(op_id) = 22),
    deleted BOOLEAN NOT NULL,
    stamps JSONB NOT NULL,
    group_id TEXT COLLATE "C" CHECK (length(group_id) = 22),
    PRIMARY KEY (scope, key),
    UNIQUE (scope, lsn),
    CHECK (
        deleted
        OR (
            row_key IS NOT NULL AND field IS NOT NULL AND text IS NOT NULL AND written_at IS NOT NULL
            AND device_id IS NOT NULL AND lost IS NOT NULL
        )
    )
);

CREATE INDEX entry_revisions_tombstones ON entry_revisions (scope, lsn) WHERE deleted;

-- Long texts as they were pushed, and as they were joined: what an edit made elsewhere may have begun from. Without the
-- text it began from an edit cannot be joined, and a patch cannot even be read.
CREATE TABLE texts (
    scope TEXT COLLATE "C" NOT NULL REFERENCES scopes (scope) ON DELETE CASCADE,
    -- The change that made the text, as the stamp of the field names it. It need not have an outcome: the name of a
    -- joined text is made of two others.
    op_id TEXT COLLATE "C" NOT NULL CHECK (length(op_id) = 22),
    field TEXT COLLATE "C" NOT NULL,
    text TEXT NOT NULL,
    -- When it came; what collection goes by.
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (scope, op_id, field)
);

CREATE INDEX texts_by_age ON texts (scope, at_ms);

-- How far each device has stored each scope, by its own word: a deletion that a device has not heard of is not cleared
-- out while the device may still come.
CREATE TABLE device_cursors (
    scope TEXT COLLATE "C" NOT NULL REFERENCES scopes (scope) ON DELETE CASCADE,
    -- Whose device: everybody's devices stand in the library, none may speak for another person's, and an account that
    -- is erased takes its devices along.
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    device_id TEXT COLLATE "C" NOT NULL CHECK (length(device_id) = 22),
    -- The position; 0 when it named a change that this log does not have there.
    acknowledged BIGINT NOT NULL CHECK (acknowledged >= 0),
    -- When it said so. A device that is silent for as long as tombstones are kept holds nothing back.
    heard_at_ms BIGINT NOT NULL,
    PRIMARY KEY (scope, user_id, device_id)
);

-- For an account that is erased.
CREATE INDEX device_cursors_of_a_user ON device_cursors (user_id);
