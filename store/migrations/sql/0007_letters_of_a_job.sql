-- Which processing of its document a dead letter belongs to, and for which generation, where that can
-- be told: a job runs again when none of its letters is left behind.
ALTER TABLE dead_letters
    ADD COLUMN version    integer,
    ADD COLUMN generation integer;
