-- A shadow run. `review`: it asks for a review, and not for work.
CREATE TABLE {schema}.routing_shadow (
    scope uuid NOT NULL,
    key text NOT NULL,
    review boolean NOT NULL,
    PRIMARY KEY (scope, key)
);
