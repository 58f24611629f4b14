-- One fine that has not ended. The key is the incident's id. `percent` is what routing adds to the employee's costs.
CREATE TABLE {schema}.fine (
    scope uuid NOT NULL,
    key text NOT NULL,
    percent bigint NOT NULL,
    tasks_left bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
