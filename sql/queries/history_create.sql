CREATE SCHEMA {schema};
CREATE TABLE {schema}.checkpoint (seq bigint NOT NULL CHECK (seq >= 0), version text NOT NULL, purges bigint NOT NULL);
CREATE UNIQUE INDEX checkpoint_one ON {schema}.checkpoint ((true));
INSERT INTO {schema}.checkpoint (seq, version, purges) VALUES (0, '{version}', 0)
