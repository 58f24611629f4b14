-- The organisation is halted. Otherwise the table is empty. halt: the id of the halt's event.
CREATE TABLE {schema}.halted_organisation (
    scope uuid NOT NULL,
    key text NOT NULL,
    halt uuid NOT NULL,
    PRIMARY KEY (scope, key)
);
