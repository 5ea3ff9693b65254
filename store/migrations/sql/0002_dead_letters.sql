-- What the workers gave up, copied from the dead-letter topics. Rows hold text of all tenants: only
-- the system role reads them, for operators.
CREATE TABLE dead_letters (
    dead_letter_id   uuid PRIMARY KEY,       -- uuid5 of where the record is, and since when
    -- Where the record is. A Kafka that was set up anew counts its offsets again: the time tells.
    topic            text NOT NULL,
    partition        integer NOT NULL,
    record_offset    bigint NOT NULL,
    recorded_at      timestamptz NOT NULL,
    -- Where it was before it was given up, as far as its headers say.
    origin_topic     text,
    origin_partition integer,
    origin_offset    bigint,
    consumer_group   text NOT NULL,
    key              bytea,
    value            bytea,
    headers          jsonb NOT NULL,         -- [[name, value in base64], …], in their order
    code             text NOT NULL,
    reason           text NOT NULL,
    attempts         integer NOT NULL,
    first_failure    timestamptz NOT NULL,
    last_failure     timestamptz NOT NULL,
    worker_version   text NOT NULL,
    redrives         integer NOT NULL,
    -- Whose it is, where that can be told. No references: a record may outlive what it is about.
    tenant_id        uuid,
    document_id      uuid,
    state            text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'redriven', 'discarded')),
    copied_at        timestamptz NOT NULL DEFAULT now(),
    settled_at       timestamptz,            -- redriven or discarded
    UNIQUE (topic, partition, record_offset, recorded_at)
);
CREATE INDEX dead_letters_list ON dead_letters (recorded_at, dead_letter_id);
CREATE INDEX dead_letters_waiting ON dead_letters (consumer_group, code) WHERE state = 'waiting';
CREATE INDEX dead_letters_document ON dead_letters (document_id);

ALTER TABLE dead_letters ENABLE ROW LEVEL SECURITY;
ALTER TABLE dead_letters FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON dead_letters TO ragline_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (state, settled_at), DELETE ON dead_letters TO ragline_system;
-- A tenant that deletes a document takes its dead letters along, unread.
CREATE POLICY one_tenant ON dead_letters TO ragline_app USING (tenant_id = current_tenant());
GRANT SELECT (tenant_id, document_id), DELETE ON dead_letters TO ragline_app;
