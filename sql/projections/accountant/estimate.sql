-- The estimate of a run (JSON), and what became of the run. The key is "run". Times are microseconds UTC.
CREATE TABLE {schema}.estimate (
    scope uuid NOT NULL,
    key text NOT NULL,
    estimate text NOT NULL,
    submitted_at bigint NOT NULL,
    delivered_at bigint,
    outcome text,
    PRIMARY KEY (scope, key)
);
