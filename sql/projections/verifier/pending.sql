-- A tree that waits for its verdict. `cause`: the event that handed it in. This event defines the verdict's id and seed.
CREATE TABLE {schema}.pending (
    scope uuid NOT NULL,
    key text NOT NULL,
    cause uuid NOT NULL,
    tree text NOT NULL,
    employee uuid,
    order_id uuid,
    PRIMARY KEY (scope, key)
);
