-- The fallback chain of one role. The scope is the organisation, the key is the role. employees: a JSON list of ids.
CREATE TABLE {schema}.fallback (
    scope uuid NOT NULL,
    key text NOT NULL,
    employees text NOT NULL,
    PRIMARY KEY (scope, key)
);
