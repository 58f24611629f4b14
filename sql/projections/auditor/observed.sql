-- The last values of one series, oldest first. Scope and key: an employee and `VERSION/SERIES`, or a run or principal and `SERIES`.
-- `seen` and `evidence` are JSON.
CREATE TABLE {schema}.observed (
    scope uuid NOT NULL,
    key text NOT NULL,
    seen text NOT NULL,
    evidence text NOT NULL,
    last uuid NOT NULL,
    PRIMARY KEY (scope, key)
);
