-- One incident, in the scope of its run if it has one. The key is its id.
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
