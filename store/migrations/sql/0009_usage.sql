-- What was used, entry by entry: the book that figures are added up from. It names documents and turns without
-- referring to them, because deleting them does not change what was used; and no role may change an entry.
CREATE TABLE usage (
    entry_id         uuid PRIMARY KEY,       -- uuid5 of the work: written again, it changes nothing
    tenant_id        uuid NOT NULL REFERENCES tenants,
    document_id      uuid,
    turn_id          uuid,
    used_at          timestamptz NOT NULL DEFAULT now(),
    documents        integer NOT NULL DEFAULT 0,
    pages            integer NOT NULL DEFAULT 0,
    pages_billed     integer NOT NULL DEFAULT 0,
    embedding_tokens bigint NOT NULL DEFAULT 0,
    questions        integer NOT NULL DEFAULT 0,
    input_tokens     bigint NOT NULL DEFAULT 0,
    output_tokens    bigint NOT NULL DEFAULT 0,
    calls            integer NOT NULL DEFAULT 0
);
CREATE INDEX usage_by_day ON usage (tenant_id, used_at);

ALTER TABLE usage ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage FORCE ROW LEVEL SECURITY;
CREATE POLICY one_tenant ON usage TO ragline_app
    USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant());
GRANT SELECT, INSERT ON usage TO ragline_app;
