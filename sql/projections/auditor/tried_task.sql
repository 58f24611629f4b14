-- The attempts of one employee at one task. The key is `TASK/EMPLOYEE`. `evidence` is JSON.
CREATE TABLE {schema}.tried_task (
    scope uuid NOT NULL,
    key text NOT NULL,
    observed boolean NOT NULL,
    failures bigint NOT NULL,
    repeats bigint NOT NULL,
    evidence text NOT NULL,
    PRIMARY KEY (scope, key)
);
