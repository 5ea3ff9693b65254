-- The words of each chunk, for the search by words: beside the chunks, not in them, because a search
-- reads the words of all of a tenant's chunks, and vectors are much wider.
CREATE FUNCTION create_words_table(generation integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    name   text := 'words_g' || generation;
    chunks text := 'chunks_g' || generation;
BEGIN
    EXECUTE format('CREATE TABLE %I (
        chunk_id    uuid PRIMARY KEY REFERENCES %I ON DELETE CASCADE,
        tenant_id   uuid NOT NULL,
        document_id uuid NOT NULL,
        version     integer NOT NULL,
        length      smallint NOT NULL,             -- words
        counts      sparsevec(1000000000) NOT NULL -- how often each occurs, by its number
    )', name, chunks);
    EXECUTE format('CREATE INDEX %I ON %I (tenant_id, document_id)', name || '_document', name);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY one_tenant ON %I TO ragline_app
        USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant())', name);
    -- They go with their chunks: nobody needs to delete them.
    EXECUTE format('GRANT SELECT, INSERT ON %I TO ragline_app', name);
END $$;
REVOKE EXECUTE ON FUNCTION create_words_table FROM PUBLIC;

-- Makes the tables of a generation; all generations have the same shape.
CREATE OR REPLACE FUNCTION create_chunks_table(generation integer, dimensions integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    name text := 'chunks_g' || generation;
    -- Beyond 2,000 dimensions only half precision can be indexed.
    kind text := CASE WHEN dimensions <= 2000 THEN 'vector' ELSE 'halfvec' END;
    size integer := CASE WHEN dimensions <= 2000 THEN 4 ELSE 2 END * dimensions;
BEGIN
    EXECUTE format('CREATE TABLE %I (
        chunk_id    uuid PRIMARY KEY,
        tenant_id   uuid NOT NULL,
        document_id uuid NOT NULL,
        version     integer NOT NULL,
        part        integer NOT NULL,
        ordinal     integer NOT NULL,
        page_first  integer NOT NULL,
        page_last   integer NOT NULL,
        char_start  bigint NOT NULL,
        char_end    bigint NOT NULL,
        text        text NOT NULL,
        text_hash   bytea NOT NULL,
        embedding   %s(%s) NOT NULL,
        FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, document_id)
    )', name, kind, dimensions);
    -- Kept in the row, an exact scan reads one table instead of two; the row must fit a page (8 kB),
    -- of which the other columns need some 300 bytes (long texts move out).
    IF size <= 7600 THEN
        EXECUTE format('ALTER TABLE %I ALTER COLUMN embedding SET STORAGE PLAIN', name);
    END IF;
    EXECUTE format('CREATE INDEX %I ON %I (tenant_id, document_id, ordinal)', name || '_document', name);
    EXECUTE format('CREATE INDEX %I ON %I (tenant_id, text_hash)', name || '_hash', name);
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY one_tenant ON %I TO ragline_app
        USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant())', name);
    EXECUTE format('GRANT SELECT, INSERT, DELETE ON %I TO ragline_app', name);
    PERFORM create_words_table(generation);
END $$;

CREATE OR REPLACE FUNCTION drop_generation_table(generation integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
BEGIN
    UPDATE generations SET table_dropped_at = now()
    WHERE generation_id = generation AND state = 'dropped' AND table_dropped_at IS NULL;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE IF EXISTS %I', 'words_g' || generation);
    EXECUTE format('DROP TABLE IF EXISTS %I', 'chunks_g' || generation);
    RETURN true;
END $$;
