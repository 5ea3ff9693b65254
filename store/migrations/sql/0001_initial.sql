-- Roles -----------------------------------------------------------------------------------------
-- Both are groups without a login: whoever connects takes one on for the length of a transaction.
-- `ragline_app` sees one tenant at a time; `ragline_system` serves login, the relay and
-- housekeeping through the narrow policies below. Neither owns a table.
DO $$
DECLARE name text;
BEGIN
    IF current_setting('server_version_num')::int < 160000 THEN
        RAISE EXCEPTION 'ragline needs PostgreSQL 16 or newer, this is %.', current_setting('server_version');
    END IF;
    FOREACH name IN ARRAY ARRAY['ragline_app', 'ragline_system'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- roles belong to all databases
        END;
        -- Who creates a role may grant it but is not allowed to take it on; a superuser is. Nothing is
        -- inherited: outside of such a transaction the owner, too, sees no tenant's row.
        IF NOT pg_has_role(name, 'SET') THEN
            BEGIN
                EXECUTE format('GRANT %I TO CURRENT_USER WITH INHERIT FALSE, SET TRUE', name);
            EXCEPTION WHEN unique_violation OR internal_error THEN NULL; -- just granted from another database
            END;
        END IF;
    END LOOP;
END $$;
GRANT USAGE ON SCHEMA public TO ragline_app, ragline_system;

CREATE EXTENSION IF NOT EXISTS vector;

-- The tenant of the current transaction; NULL, and so no row at all, where none was set.
CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('ragline.tenant', true), '')::uuid;

-- References name the tenant, too: PostgreSQL looks for them past row-level security, and would
-- otherwise find another tenant's row.

-- Who -----------------------------------------------------------------------------------------
CREATE TABLE tenants (
    tenant_id   uuid PRIMARY KEY,
    name        text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    created_at  timestamptz NOT NULL DEFAULT now(),
    deleted_at  timestamptz
);

CREATE TABLE users (
    user_id       uuid PRIMARY KEY,
    tenant_id     uuid NOT NULL REFERENCES tenants,
    email         text NOT NULL,
    password_hash text NOT NULL,
    role          text NOT NULL CHECK (role IN ('admin', 'member', 'viewer', 'operator')),
    created_at    timestamptz NOT NULL DEFAULT now(),
    disabled_at   timestamptz,
    UNIQUE (tenant_id, user_id)
);
CREATE UNIQUE INDEX users_email ON users (lower(email));

CREATE TABLE refresh_tokens (
    token_hash  bytea PRIMARY KEY,           -- SHA-256 of the token
    family_id   uuid NOT NULL,               -- all rotations of one login; revoked together
    user_id     uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz,
    revoked_at  timestamptz,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, user_id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family_id);

CREATE TABLE api_keys (
    key_id       uuid PRIMARY KEY,
    tenant_id    uuid NOT NULL,
    user_id      uuid NOT NULL,
    name         text NOT NULL CHECK (char_length(name) BETWEEN 1 AND 200),
    key_hash     bytea NOT NULL UNIQUE,      -- SHA-256 of 256 random bits
    prefix       text NOT NULL,              -- shown in lists
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    revoked_at   timestamptz,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, user_id) ON DELETE CASCADE
);
CREATE INDEX api_keys_tenant ON api_keys (tenant_id, created_at);

-- Documents and their processing ------------------------------------------------------------------
CREATE TABLE documents (
    document_id    uuid PRIMARY KEY,         -- uuid5 of tenant and content
    tenant_id      uuid NOT NULL REFERENCES tenants,
    version        integer NOT NULL CHECK (version > 0),
    sha256         bytea NOT NULL,
    filename       text NOT NULL,
    media_type     text NOT NULL,
    size           bigint NOT NULL,
    knowledge_base text NOT NULL,
    metadata       jsonb NOT NULL DEFAULT '{}',
    blob_key       text NOT NULL,
    artefact_key   text,                     -- set when parsed
    parser         text,
    pages          integer,
    characters     bigint,
    pages_billed   integer NOT NULL DEFAULT 0,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    deleted_at     timestamptz,              -- the row stays as a fence, without content
    purged_at      timestamptz,              -- its blobs are gone
    UNIQUE (tenant_id, document_id)
);
CREATE INDEX documents_list ON documents (tenant_id, created_at, document_id) WHERE deleted_at IS NULL;
CREATE INDEX documents_to_purge ON documents (deleted_at) WHERE deleted_at IS NOT NULL AND purged_at IS NULL;

CREATE TABLE jobs (
    job_id        uuid PRIMARY KEY,          -- uuid5 of document and version
    tenant_id     uuid NOT NULL,
    document_id   uuid NOT NULL,
    version       integer NOT NULL,
    status        text NOT NULL CHECK (status IN
        ('accepted', 'parsing', 'chunking', 'embedding', 'indexed', 'failed', 'deleted')),
    error_code    text,
    error_message text,
    -- Counts the changes; the id of the job's events.
    revision      bigint NOT NULL DEFAULT 1,
    trace_id      text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    published_at  timestamptz,               -- handed to Kafka; counts as in flight until finished
    finished_at   timestamptz,
    UNIQUE (document_id, version),
    UNIQUE (tenant_id, job_id),
    FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, document_id)
);
CREATE INDEX jobs_list ON jobs (tenant_id, created_at, job_id);
CREATE INDEX jobs_in_flight ON jobs (tenant_id) WHERE published_at IS NOT NULL AND finished_at IS NULL;

CREATE TABLE job_stages (
    job_id      uuid NOT NULL,
    tenant_id   uuid NOT NULL,
    name        text NOT NULL CHECK (name IN ('parse', 'chunk', 'embed')),
    state       text NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    done        integer NOT NULL DEFAULT 0,
    total       integer,
    attempts    integer NOT NULL DEFAULT 0,
    started_at  timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (job_id, name),
    FOREIGN KEY (tenant_id, job_id) REFERENCES jobs (tenant_id, job_id) ON DELETE CASCADE
);

-- The provider's job of a parse, stored before it is polled, so that nothing is parsed twice.
CREATE TABLE parse_jobs (
    document_id uuid NOT NULL,
    version     integer NOT NULL,
    tenant_id   uuid NOT NULL,
    provider    text NOT NULL,
    external_id text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (document_id, version, provider),
    FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, document_id)
);

CREATE TABLE idempotency_keys (
    tenant_id    uuid NOT NULL,
    user_id      uuid NOT NULL,
    key          text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 255),
    request_hash bytea NOT NULL,
    response     jsonb NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id, key),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, user_id) ON DELETE CASCADE
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

-- Generations: one way to index, one table each ---------------------------------------------------
CREATE TABLE generations (
    generation_id   integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    strategy        text NOT NULL,
    embedding_model text NOT NULL,
    dimensions      integer NOT NULL CHECK (dimensions BETWEEN 1 AND 4000),
    state           text NOT NULL CHECK (state IN ('building', 'active', 'retired', 'dropped')),
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX one_active_generation ON generations ((true)) WHERE state = 'active';

-- How far a document is in a generation.
CREATE TABLE document_generations (
    document_id      uuid NOT NULL,
    version          integer NOT NULL,
    generation_id    integer NOT NULL REFERENCES generations,
    tenant_id        uuid NOT NULL,
    part_count       integer NOT NULL,
    chunks_total     integer NOT NULL,
    parts_done       integer NOT NULL DEFAULT 0,
    chunks_done      integer NOT NULL DEFAULT 0,
    embedding_tokens bigint NOT NULL DEFAULT 0,
    indexed_at       timestamptz,
    PRIMARY KEY (document_id, version, generation_id),
    FOREIGN KEY (tenant_id, document_id) REFERENCES documents (tenant_id, document_id)
);
CREATE INDEX document_generations_tenant ON document_generations (generation_id, tenant_id);

-- Vectors by text, per tenant and model: nothing is embedded twice.
CREATE TABLE embedding_cache (
    tenant_id  uuid NOT NULL REFERENCES tenants,
    model      text NOT NULL,
    text_hash  bytea NOT NULL,               -- SHA-256 of the text in UTF-8
    vector     bytea NOT NULL,               -- float32, little endian
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, model, text_hash)
);

-- Delivery ----------------------------------------------------------------------------------------
-- What a stage has done, with the events it publishes: a record that comes again only publishes.
CREATE TABLE ledger (
    stage       text NOT NULL,
    document_id uuid NOT NULL,
    version     integer NOT NULL,
    generation  integer NOT NULL DEFAULT 0,
    part        integer NOT NULL DEFAULT 0,
    replay_id   text NOT NULL DEFAULT '',
    tenant_id   uuid NOT NULL REFERENCES tenants,
    outgoing    bytea NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (document_id, version, stage, generation, part, replay_id)
);

CREATE TABLE outbox (
    outbox_id    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    tenant_id    uuid NOT NULL REFERENCES tenants,
    topic        text NOT NULL,
    key          text NOT NULL,
    -- The job whose document counts as in flight once this is published; NULL is never held back.
    job_id       uuid,
    headers      jsonb NOT NULL,
    value        bytea,                      -- NULL is a tombstone
    created_at   timestamptz NOT NULL DEFAULT now(),
    published_at timestamptz
);
-- Two queues per tenant: what is never held back, and the documents that wait for their turn.
CREATE INDEX outbox_waiting ON outbox (tenant_id, outbox_id) WHERE published_at IS NULL AND job_id IS NULL;
CREATE INDEX outbox_documents ON outbox (tenant_id, outbox_id) WHERE published_at IS NULL AND job_id IS NOT NULL;
CREATE INDEX outbox_order ON outbox (key, topic, outbox_id) WHERE published_at IS NULL AND job_id IS NOT NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

-- Conversations -----------------------------------------------------------------------------------
CREATE TABLE conversations (
    conversation_id uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    user_id         uuid NOT NULL,
    title           text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant_id, conversation_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, user_id) ON DELETE CASCADE
);
CREATE INDEX conversations_list ON conversations (tenant_id, user_id, updated_at, conversation_id);

CREATE TABLE turns (
    turn_id         uuid PRIMARY KEY,
    tenant_id       uuid NOT NULL,
    conversation_id uuid NOT NULL,
    ordinal         integer NOT NULL,
    agent           text NOT NULL,
    question        text NOT NULL,
    -- document_ids, knowledge_base, metadata, max_chunks, threshold
    options         jsonb NOT NULL DEFAULT '{}',
    state           text NOT NULL CHECK (state IN ('waiting', 'answering', 'done', 'failed', 'cancelled')),
    answer          text NOT NULL DEFAULT '',
    sources         jsonb NOT NULL DEFAULT '[]',
    citations       jsonb NOT NULL DEFAULT '[]',
    model           text,
    usage           jsonb,
    timings         jsonb,
    finish_reason   text,
    generation_id   integer,
    error_code      text,
    error_message   text,
    trace_id        text,
    -- Where its deltas are: partition of chat.deltas, and the offset of the first.
    reply_partition integer NOT NULL,
    first_offset    bigint,
    -- Who is answering, and until when that claim holds; database time.
    lease_owner     text,
    lease_until     timestamptz,
    attempt         integer NOT NULL DEFAULT 0,
    created_at      timestamptz NOT NULL DEFAULT now(),
    finished_at     timestamptz,
    UNIQUE (conversation_id, ordinal),
    FOREIGN KEY (tenant_id, conversation_id)
        REFERENCES conversations (tenant_id, conversation_id) ON DELETE CASCADE
);

-- Row-level security --------------------------------------------------------------------------------
-- Forced on every table with a tenant: a statement without its WHERE sees one tenant's rows at most.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tenants', 'users', 'refresh_tokens', 'api_keys', 'documents', 'jobs',
        'job_stages', 'parse_jobs', 'idempotency_keys', 'document_generations', 'embedding_cache',
        'ledger', 'outbox', 'conversations', 'turns'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY one_tenant ON %I TO ragline_app
            USING (tenant_id = current_tenant()) WITH CHECK (tenant_id = current_tenant())', name);
    END LOOP;
END $$;

-- Each role may do what the store's own statements do, and nothing else.
-- A tenant makes no operators.
CREATE POLICY no_operators ON users AS RESTRICTIVE FOR INSERT TO ragline_app WITH CHECK (role <> 'operator');
GRANT SELECT (user_id, tenant_id, email, role, created_at, disabled_at), INSERT ON users TO ragline_app;
GRANT SELECT, INSERT, UPDATE (revoked_at) ON api_keys TO ragline_app;
GRANT SELECT, INSERT, UPDATE ON documents, jobs, job_stages, turns TO ragline_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON parse_jobs, document_generations, conversations TO ragline_app;
GRANT SELECT, INSERT, DELETE ON embedding_cache, ledger TO ragline_app;
GRANT SELECT, INSERT ON idempotency_keys TO ragline_app;
GRANT INSERT ON outbox TO ragline_app;
-- FOR SHARE asks for the right to update one column; this one harms nothing.
GRANT SELECT, UPDATE (created_at) ON generations TO ragline_app;

-- Login and registration: no tenant is known yet.
GRANT SELECT (tenant_id, deleted_at), INSERT ON tenants TO ragline_system;
GRANT SELECT, INSERT ON users TO ragline_system;
GRANT SELECT, INSERT, UPDATE (used_at, revoked_at), DELETE ON refresh_tokens TO ragline_system;
GRANT SELECT, UPDATE (last_used_at) ON api_keys TO ragline_system;
-- The relay, and the watchers of jobs and turns.
GRANT SELECT, UPDATE (published_at), DELETE ON outbox TO ragline_system;
GRANT SELECT (job_id, tenant_id, revision, published_at, finished_at), UPDATE (published_at) ON jobs TO ragline_system;
GRANT SELECT (turn_id, state, attempt) ON turns TO ragline_system;
-- Housekeeping: purged blobs, aged keys; which generations and tenants have how many chunks.
GRANT SELECT (tenant_id, document_id, version, deleted_at, purged_at), UPDATE (purged_at) ON documents TO ragline_system;
GRANT SELECT (created_at), DELETE ON idempotency_keys TO ragline_system;
GRANT SELECT (tenant_id, generation_id, chunks_done) ON document_generations TO ragline_system;
GRANT SELECT ON generations, alembic_version TO ragline_system;

DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['tenants', 'users', 'refresh_tokens', 'api_keys', 'outbox', 'jobs',
        'turns', 'documents', 'document_generations', 'idempotency_keys'] LOOP
        EXECUTE format('CREATE POLICY system ON %I TO ragline_system USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;

-- Makes the table of a generation; all generations have the same shape.
CREATE FUNCTION create_chunks_table(generation integer, dimensions integer) RETURNS void
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
END $$;
REVOKE EXECUTE ON FUNCTION create_chunks_table FROM PUBLIC;
