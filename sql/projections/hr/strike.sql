-- One line of an employee's record. The key is the event's id. `kind` is warned, suspended, reinstated, dismissed or
-- renamed. The `reason` of a renaming is the former name.
CREATE TABLE {schema}.strike (
    scope uuid NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
