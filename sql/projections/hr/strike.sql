-- One warning or suspension. The key is the event's id.
CREATE TABLE {schema}.strike (
    scope uuid NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
