-- The log: append-only. One row of log.event is one message of the stream and one leaf of the tree of hashes.
CREATE SCHEMA log;

CREATE TABLE log.event (
    seq      bigint PRIMARY KEY CHECK (seq > 0),
    id       uuid   NOT NULL,
    type     text   NOT NULL,          -- copies of envelope fields, for look-ups only; the envelope's bytes are the truth
    entity   uuid   NOT NULL,
    run      uuid,
    envelope bytea  NOT NULL
);
CREATE INDEX event_id ON log.event (id);   -- not unique: a repeated id is void, and never stops the recorder
CREATE INDEX event_type ON log.event (type, seq);
CREATE INDEX event_entity ON log.event (entity, seq);
CREATE INDEX event_run ON log.event (run, seq) WHERE run IS NOT NULL;

CREATE TABLE log.payload (
    seq   bigint PRIMARY KEY,
    salt  bytea  NOT NULL,
    bytes bytea  NOT NULL,
    blobs text[] NOT NULL
);
ALTER TABLE log.payload ALTER COLUMN bytes SET STORAGE EXTERNAL;

CREATE TABLE log.blob (
    digest text  PRIMARY KEY CHECK (digest = encode(sha256(bytes), 'hex')),
    bytes  bytea NOT NULL
);

CREATE TABLE log.blob_use (
    digest text   NOT NULL,
    seq    bigint NOT NULL,
    PRIMARY KEY (digest, seq)
);

CREATE TABLE log.void (
    seq    bigint PRIMARY KEY,
    reason text   NOT NULL
);

CREATE TABLE log.checkpoint (
    name text   PRIMARY KEY,
    seq  bigint NOT NULL CHECK (seq >= 0)
);
INSERT INTO log.checkpoint (name, seq) VALUES ('recorder', 0);

CREATE FUNCTION log.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is refused: the log is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;

-- Statement triggers fire even when row security or a WHERE clause leaves no row to touch.
CREATE TRIGGER event_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.event
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse();
CREATE TRIGGER void_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.void
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse();
CREATE TRIGGER payload_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.payload
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse();
CREATE TRIGGER blob_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.blob
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse();
CREATE TRIGGER blob_use_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log.blob_use
    FOR EACH STATEMENT EXECUTE FUNCTION log.refuse();
