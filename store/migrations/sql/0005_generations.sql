-- Generations that are built beside the active one, promoted, and dropped in two steps.
ALTER TABLE generations
    ADD COLUMN max_rate         double precision CHECK (max_rate > 0),  -- documents a second
    ADD COLUMN token_budget     bigint CHECK (token_budget >= 0),       -- of embedding
    ADD COLUMN paused_at        timestamptz,
    ADD COLUMN topic_ready_at   timestamptz, -- its topic exists, so its workers may start
    ADD COLUMN joined_at        timestamptz, -- from here on the live chunker feeds it, too
    ADD COLUMN built_at         timestamptz, -- everything before that is in; its workers end
    ADD COLUMN promote_asked_at timestamptz,
    ADD COLUMN accept_missing   boolean NOT NULL DEFAULT false,
    ADD COLUMN promoting_at     timestamptz, -- from here on a job ends when it is in this one, too
    ADD COLUMN activated_at     timestamptz,
    ADD COLUMN retired_at       timestamptz,
    ADD COLUMN dropped_at       timestamptz,
    ADD COLUMN table_dropped_at timestamptz,
    ADD COLUMN marks            jsonb,       -- offsets that are waited for: {topic: {partition: end}}
    ADD COLUMN problem          text;

UPDATE generations SET topic_ready_at = created_at, joined_at = created_at, built_at = created_at
WHERE state IN ('active', 'retired');
UPDATE generations SET activated_at = created_at WHERE state = 'active';

-- One statement makes one active and the other retired: checked at its end, not row by row.
DROP INDEX one_active_generation;
ALTER TABLE generations ADD CONSTRAINT one_active_generation
    EXCLUDE USING btree ((true) WITH =) WHERE (state = 'active') DEFERRABLE;

-- A generation that is not active may lack a document; its job is not to wait for that.
ALTER TABLE document_generations ADD COLUMN failed_at timestamptz;
CREATE INDEX document_generations_indexed ON document_generations (generation_id, indexed_at);

GRANT UPDATE (state, max_rate, token_budget, paused_at, topic_ready_at, joined_at, built_at,
    promote_asked_at, accept_missing, promoting_at, activated_at, retired_at, dropped_at, marks, problem)
    ON generations TO ragline_system;
GRANT SELECT (document_id, version, indexed_at, failed_at, embedding_tokens)
    ON document_generations TO ragline_system;
GRANT SELECT (artefact_key) ON documents TO ragline_system;

-- Only the owner makes and drops tables; who serves operators may ask for these two.
CREATE FUNCTION create_generation(strategy text, embedding_model text, dimensions integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE made integer;
BEGIN
    INSERT INTO generations (strategy, embedding_model, dimensions, state)
    VALUES (create_generation.strategy, create_generation.embedding_model, create_generation.dimensions,
            'building')
    RETURNING generation_id INTO made;
    PERFORM create_chunks_table(made, create_generation.dimensions);
    RETURN made;
END $$;

CREATE FUNCTION drop_generation_table(generation integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
BEGIN
    UPDATE generations SET table_dropped_at = now()
    WHERE generation_id = generation AND state = 'dropped' AND table_dropped_at IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS %I', 'chunks_g' || generation);
    RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION create_generation, drop_generation_table FROM PUBLIC;
GRANT EXECUTE ON FUNCTION create_generation, drop_generation_table TO ragline_system;
