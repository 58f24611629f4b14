-- The failed attempts at a task of an open run. The scope is the run, the key is the task's id. `failures`: JSON.
CREATE TABLE {schema}.routing_task (
    scope uuid NOT NULL,
    key text NOT NULL,
    failures text NOT NULL,
    PRIMARY KEY (scope, key)
);
