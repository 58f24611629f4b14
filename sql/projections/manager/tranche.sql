-- The tranche that an open run holds of a cap, as JSON. The scope is the run, the key that of the tranche.
CREATE TABLE {schema}.tranche (
    scope uuid NOT NULL,
    key text NOT NULL,
    amount text NOT NULL,
    PRIMARY KEY (scope, key)
);
