ALTER TABLE conversations ADD COLUMN channel_subtype TEXT;
ALTER TABLE conversations ADD COLUMN tool_input_overrides TEXT;
ALTER TABLE conversations ADD COLUMN ttl_expires_at INTEGER;

CREATE INDEX conversations_idle ON conversations (ttl_expires_at) WHERE terminal = 0 AND ttl_expires_at IS NOT NULL;
CREATE INDEX conversations_retention ON conversations (retention_expires_at) WHERE retention_expires_at IS NOT NULL;

ALTER TABLE messages ADD COLUMN turn TEXT;
ALTER TABLE messages ADD COLUMN authored_by TEXT;
ALTER TABLE messages ADD COLUMN operator TEXT;

-- What a chat's runtime was told, turn by turn: told again to a fresh one, it stands where it stood.
CREATE TABLE chat_turns (
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    number       INTEGER NOT NULL,
    turn         TEXT NOT NULL,
    inputs       TEXT NOT NULL,
    said_digest  TEXT NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (conversation, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE handoffs (
    id           TEXT PRIMARY KEY NOT NULL,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    turn         TEXT,
    reason       TEXT,
    static_text  TEXT NOT NULL,
    status       TEXT NOT NULL,
    assignee     TEXT,
    source       TEXT NOT NULL,
    packet       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    resolved_at  INTEGER
) STRICT;

CREATE INDEX handoffs_by_time ON handoffs (organisation, created_at DESC, id DESC);
CREATE INDEX handoffs_of ON handoffs (conversation);

CREATE TABLE approvals (
    id           TEXT PRIMARY KEY NOT NULL,
    organisation TEXT NOT NULL REFERENCES organisations (id),
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    node         TEXT,
    message      TEXT NOT NULL,
    state        TEXT NOT NULL,
    decided_by   TEXT,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    decided_at   INTEGER
) STRICT;

CREATE INDEX approvals_due ON approvals (expires_at) WHERE state = 'pending';

CREATE INDEX approvals_by_time ON approvals (organisation, created_at DESC, id DESC);
CREATE INDEX approvals_of ON approvals (conversation);

CREATE TABLE memory_facts (
    organisation TEXT NOT NULL REFERENCES organisations (id),
    end_user     TEXT NOT NULL,
    name         TEXT NOT NULL,
    value        TEXT NOT NULL,
    conversation TEXT NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (organisation, end_user, name)
) STRICT, WITHOUT ROWID;

ALTER TABLE transfer_attempts ADD COLUMN transfer INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer_attempts ADD COLUMN destination_index INTEGER NOT NULL DEFAULT 0;
ALTER TABLE transfer_attempts ADD COLUMN briefed_at INTEGER;
ALTER TABLE transfer_attempts ADD COLUMN bridged_at INTEGER;
ALTER TABLE transfer_attempts ADD COLUMN consult_recording TEXT;

CREATE INDEX transfer_attempts_failed ON transfer_attempts (created_at DESC, id DESC) WHERE failure_reason IS NOT NULL;

-- What was said between the worker and a supervisor, apart from the caller's transcript.
CREATE TABLE consult_turns (
    conversation TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
    attempt      TEXT NOT NULL,
    seq          INTEGER NOT NULL,
    role         TEXT NOT NULL,
    content      TEXT NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (conversation, attempt, seq)
) STRICT, WITHOUT ROWID;
