-- One line of an employee's record. The key is the event's id. `kind` is warned, suspended, reinstated, dismissed,
-- rehired, appealed, appeal_granted, appeal_denied or renamed. The `reason` of a renaming is the former name. `step` is
-- the number of the strike, and `reversed` says that a granted appeal has reversed it.
CREATE TABLE {schema}.strike (
    scope uuid NOT NULL,
    key text NOT NULL,
    kind text NOT NULL,
    reason text NOT NULL,
    at bigint NOT NULL,
    incident uuid,
    step bigint,
    reversed boolean NOT NULL,
    until bigint,
    rule text NOT NULL,
    rules_version text NOT NULL,
    PRIMARY KEY (scope, key)
);
