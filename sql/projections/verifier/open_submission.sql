-- The submission of an open run, as JSON. It never changes, except for a new base.
CREATE TABLE {schema}.open_submission (
    scope uuid NOT NULL,
    key text NOT NULL,
    submitted text NOT NULL,
    PRIMARY KEY (scope, key)
);
