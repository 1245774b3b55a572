CREATE TABLE organisations (
    id         TEXT PRIMARY KEY NOT NULL,
    name       TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE conversations (
    id                   TEXT PRIMARY KEY NOT NULL,
    organisation         TEXT NOT NULL REFERENCES organisations (id),
    end_user             TEXT NOT NULL,
    channel              TEXT NOT NULL,
    origin               TEXT,
    external_id          TEXT,
    session_type         TEXT NOT NULL,
    assistant            TEXT,
    worker               TEXT,
    status               TEXT NOT NULL,
    terminal             INTEGER NOT NULL,
    termination_reason   TEXT,
    triggered_by         TEXT,
    subject              TEXT,
    summary              TEXT,
    metadata             TEXT NOT NULL,
    context_variables    TEXT NOT NULL,
    started_at           INTEGER NOT NULL,
    ended_at             INTEGER,
    closed_at            INTEGER,
    retention_expires_at INTEGER,
    recording_path       TEXT,
    memory_synced        INTEGER NOT NULL DEFAULT 0,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX conversations_external ON conversations (organisation, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX conversations_by_start ON conversations (organisation, started_at DESC, id DESC);
CREATE INDEX conversations_open ON conversations (started_at) WHERE terminal = 0;

CREATE TABLE messages (
    conversation        TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq                 INTEGER NOT NULL,
    id                  TEXT NOT NULL,
    role                TEXT NOT NULL,
    content             TEXT NOT NULL,
    producing_assistant TEXT,
    model_used          TEXT,
    token_count         INTEGER,
    latency_ms          INTEGER,
    created_at          INTEGER NOT NULL,
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX messages_by_id ON messages (conversation, id);

CREATE TABLE close_log (
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    step         TEXT NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (conversation, step)
) STRICT, WITHOUT ROWID;

CREATE TABLE jobs (
    id           TEXT PRIMARY KEY NOT NULL,
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    kind         TEXT NOT NULL,
    state        TEXT NOT NULL,
    attempts     INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    UNIQUE (conversation, kind)
) STRICT;

CREATE INDEX jobs_waiting ON jobs (state, created_at);

CREATE TABLE timeline (
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    seq          INTEGER NOT NULL,
    at_us        INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    text         TEXT NOT NULL,
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE transfer_attempts (
    id               TEXT PRIMARY KEY NOT NULL,
    conversation     TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    number           INTEGER NOT NULL,
    mode             TEXT NOT NULL,
    destination      TEXT NOT NULL,
    label            TEXT,
    status           TEXT NOT NULL,
    created_at       INTEGER NOT NULL,
    dialled_at       INTEGER,
    answered_at      INTEGER,
    decided_at       INTEGER,
    decision         TEXT,
    ended_at         INTEGER,
    failure_reason   TEXT,
    fallback_mode    TEXT,
    briefing_snippet TEXT
) STRICT;

CREATE INDEX transfer_attempts_of ON transfer_attempts (conversation, number);
