-- The number of criteria of a task. The key is the task's id.
CREATE TABLE {schema}.task_size (
    scope uuid NOT NULL,
    key text NOT NULL,
    criteria bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
