-- The budget that an open run has reserved from the organisation, as JSON. The scope is the run.
CREATE TABLE {schema}.reservation (
    scope uuid NOT NULL,
    key text NOT NULL,
    amount text NOT NULL,
    PRIMARY KEY (scope, key)
);
