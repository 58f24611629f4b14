-- A limit of a box that a machine need not hold, because the Director has accepted that. The key is both in one text.
CREATE TABLE {schema}.accepted_limit (
    scope uuid NOT NULL,
    key text NOT NULL,
    machine text NOT NULL,
    limit_name text NOT NULL,
    PRIMARY KEY (scope, key)
);
