-- What operators let the workers read again. The ranges of a whole group's replay tell its records from
-- duplicates; the other kinds publish records that carry the replay's id.
CREATE TABLE replays (
    replay_id      text PRIMARY KEY,
    kind           text NOT NULL CHECK (kind IN ('group', 'selective', 'rebuild')),
    consumer_group text NOT NULL,
    chosen         jsonb NOT NULL,             -- since, until, tenant_id, document_id
    ranges         jsonb NOT NULL,             -- {topic: {partition: [first, end]}}
    positions      jsonb NOT NULL DEFAULT '{}', -- {topic: {partition: next}}
    state          text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'failed')),
    records        bigint NOT NULL DEFAULT 0,  -- read so far
    published      bigint NOT NULL DEFAULT 0,  -- of these, handed to the workers again
    problem        text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    finished_at    timestamptz
);
CREATE INDEX replays_list ON replays (created_at, replay_id);
CREATE INDEX replays_running ON replays (created_at) WHERE state = 'running';
CREATE INDEX replays_ranges ON replays (consumer_group) WHERE kind = 'group';

ALTER TABLE replays ENABLE ROW LEVEL SECURITY;
ALTER TABLE replays FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON replays TO ragline_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE (positions, state, records, published, problem, finished_at)
    ON replays TO ragline_system;
