-- A shadow run, and the task that it repeats.
CREATE TABLE {schema}.routing_shadow (
    scope uuid NOT NULL,
    key text NOT NULL,
    repeated_run uuid NOT NULL,
    repeated_task uuid NOT NULL,
    PRIMARY KEY (scope, key)
);
