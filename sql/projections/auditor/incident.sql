-- One incident. The scope is the id of its run, or its own id if it has no run. The key is the incident's id.
-- `evidence`, `limits` and `measured` are JSON.
CREATE TABLE {schema}.incident (
    scope uuid NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    detail text NOT NULL,
    strike boolean NOT NULL,
    task uuid,
    employee uuid,
    raised_at bigint NOT NULL,
    event uuid NOT NULL,
    rule text NOT NULL,
    severity text NOT NULL,
    evidence text NOT NULL,
    limits text NOT NULL,
    measured text NOT NULL,
    follows text NOT NULL,
    version uuid,
    phase text NOT NULL,
    changed_at bigint NOT NULL,
    changed_by text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (scope, key)
);
