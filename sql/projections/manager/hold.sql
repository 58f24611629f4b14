-- What open severe incidents pause. The scope is an employee or a run, the key is the incident's id.
CREATE TABLE {schema}.hold (
    scope uuid NOT NULL,
    key text NOT NULL,
    rule text NOT NULL,
    since bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
