-- What an agent did on the way to an answer, and the question as it was searched for.
ALTER TABLE turns
    ADD COLUMN steps               jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN standalone_question text;

-- The older exchanges of a long conversation in short, up to the turn with this ordinal.
ALTER TABLE conversations
    ADD COLUMN summary            text NOT NULL DEFAULT '',
    ADD COLUMN summarized_through integer NOT NULL DEFAULT 0;

-- How each worker is, in its own words. A row for each; no tenant's text is in it.
CREATE TABLE worker_reports (
    worker        text PRIMARY KEY,
    -- Whom the process that started last asks for its work.
    provider      text,
    model         text,
    started_at    timestamptz NOT NULL,
    error_code    text,
    error_message text,
    error_at      timestamptz
);
ALTER TABLE worker_reports ENABLE ROW LEVEL SECURITY;
ALTER TABLE worker_reports FORCE ROW LEVEL SECURITY;
CREATE POLICY system ON worker_reports TO ragline_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE ON worker_reports TO ragline_system;
