-- A blacklisted version of employees. The scope is the version's id.
CREATE TABLE {schema}.blacklist (
    scope uuid NOT NULL,
    key text NOT NULL,
    reason text NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
