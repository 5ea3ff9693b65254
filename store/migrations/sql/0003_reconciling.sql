-- Jobs that no record moves any more: how often their document was published again, and when last.
ALTER TABLE jobs
    ADD COLUMN reconciled    smallint NOT NULL DEFAULT 0,
    ADD COLUMN reconciled_at timestamptz;

GRANT SELECT (document_id, version, status, created_at, updated_at, reconciled, reconciled_at)
    ON jobs TO ragline_system;

-- Questions that nobody answers are looked for all the time; those that ended are not read for it.
CREATE INDEX turns_unanswered ON turns (created_at) WHERE state IN ('waiting', 'answering');
GRANT SELECT (tenant_id, created_at, lease_until) ON turns TO ragline_system;
