-- A task of an open run. The key is its place in the plan. `state`: the domain's fold of the task, as JSON.
CREATE TABLE {schema}.open_task (
    scope uuid NOT NULL,
    key text NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (scope, key)
);
