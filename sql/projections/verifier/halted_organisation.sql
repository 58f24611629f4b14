-- The organisation is halted. Otherwise the table is empty.
CREATE TABLE {schema}.halted_organisation (
    scope uuid NOT NULL,
    key text NOT NULL,
    phase text NOT NULL,
    PRIMARY KEY (scope, key)
);
