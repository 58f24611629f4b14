-- The organisation: its phase, and its state without the reservations of runs, as JSON.
CREATE TABLE {schema}.organisation (
    scope uuid NOT NULL,
    key text NOT NULL,
    phase text NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (scope, key)
);
