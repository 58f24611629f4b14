-- One label of a run. The key is the label's name.
CREATE TABLE {schema}.label (
    scope uuid NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (scope, key)
);
