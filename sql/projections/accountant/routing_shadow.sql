-- A shadow run, and the task that it repeats, if there is one.
CREATE TABLE {schema}.routing_shadow (
    scope uuid NOT NULL,
    key text NOT NULL,
    repeated_run uuid,
    repeated_task uuid,
    review boolean NOT NULL,
    PRIMARY KEY (scope, key)
);
