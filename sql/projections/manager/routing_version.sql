-- The present version of an employee. The key is `employee`.
CREATE TABLE {schema}.routing_version (
    scope uuid NOT NULL,
    key text NOT NULL,
    version uuid NOT NULL,
    PRIMARY KEY (scope, key)
);
