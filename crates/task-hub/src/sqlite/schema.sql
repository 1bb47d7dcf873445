-- Version 1. Times are in steps of 100 ns since 1970. Texts compare as bytes (BINARY).

-- `key` names an instance in the other tables: it is shorter than an id, and new rows are at the end of each
-- table whatever the ids are.
CREATE TABLE instances (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    execution TEXT NOT NULL,
    start BLOB NOT NULL,            -- an ExecutionStartedEvent without its input
    status INTEGER NOT NULL,        -- the number of the protocol
    phase INTEGER NOT NULL,         -- 0 scheduled, 1 begun, 2 ended
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    latest INTEGER NOT NULL,
    first_from INTEGER,             -- both or neither
    first_to INTEGER,
    history INTEGER NOT NULL,
    earlier INTEGER NOT NULL,
    custom_status TEXT,
    output TEXT                     -- last: reads of the columns before it do not load it
) STRICT;

CREATE UNIQUE INDEX instances_by_id ON instances (id);

-- Lists with a filter that matches few instances.
CREATE INDEX instances_by_status ON instances (status, created, id);

-- Beside the instances, so that a step does not write a large input again.
CREATE TABLE inputs (
    instance INTEGER PRIMARY KEY,   -- instances.key
    input TEXT NOT NULL
) STRICT;

-- One row holds the events of one step, each with its length before it (a varint).
CREATE TABLE history (
    instance INTEGER NOT NULL,      -- instances.key
    position INTEGER NOT NULL,      -- the index of the first event
    events BLOB NOT NULL,
    PRIMARY KEY (instance, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
    number INTEGER PRIMARY KEY,
    target TEXT NOT NULL,
    execution TEXT,
    body BLOB NOT NULL
) STRICT;

CREATE INDEX messages_by_target ON messages (target);

CREATE TABLE timers (
    number INTEGER PRIMARY KEY,
    due INTEGER NOT NULL,
    target TEXT NOT NULL,
    execution TEXT,
    body BLOB NOT NULL
) STRICT;

CREATE INDEX timers_by_due ON timers (due);

CREATE INDEX timers_by_target ON timers (target);

CREATE TABLE activities (
    number INTEGER PRIMARY KEY,
    instance TEXT NOT NULL,         -- the id: an activity outlives a purge of its instance
    execution TEXT NOT NULL,
    action INTEGER NOT NULL,
    task BLOB NOT NULL              -- a ScheduleTaskAction: name, version, input, tags
) STRICT;

CREATE TABLE entities (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    locked_by TEXT,
    modified INTEGER,
    state TEXT
) STRICT;

CREATE UNIQUE INDEX entities_by_id ON entities (id);
