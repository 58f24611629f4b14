-- A limit that the boxes of a machine need not hold, because the Director accepts this. The key is machine and limit.
CREATE TABLE {schema}.accepted_limit (
    scope uuid NOT NULL,
    key text NOT NULL,
    machine text NOT NULL,
    limit_name text NOT NULL,
    PRIMARY KEY (scope, key)
);
