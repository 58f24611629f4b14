-- An open incident of a kind that lapses. The scope is its employee, or its run. The key is the incident's id.
CREATE TABLE {schema}.open_finding (
    scope uuid NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    version uuid,
    PRIMARY KEY (scope, key)
);
