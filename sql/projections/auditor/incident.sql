-- One incident. The scope is the id of its run, or its own id if it has no run. The key is the incident's id.
CREATE TABLE {schema}.incident (
    scope uuid NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    detail text NOT NULL,
    strike boolean NOT NULL,
    task uuid,
    employee uuid,
    raised_at bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
