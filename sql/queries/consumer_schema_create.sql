CREATE SCHEMA {schema};
CREATE TABLE {schema}.checkpoint (seq bigint NOT NULL CHECK (seq >= 0), version text NOT NULL, commands_after bigint NOT NULL);
CREATE UNIQUE INDEX checkpoint_one ON {schema}.checkpoint ((true));
CREATE TABLE {schema}.parked (scope uuid NOT NULL, key text NOT NULL, error text NOT NULL, PRIMARY KEY (scope, key))
