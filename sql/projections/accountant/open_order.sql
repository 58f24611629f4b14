-- The attempt number of an open order. The key is the order's id. The row is deleted when the order has an outcome.
CREATE TABLE {schema}.open_order (
    scope uuid NOT NULL,
    key text NOT NULL,
    employee uuid NOT NULL,
    attempt bigint NOT NULL,
    account text NOT NULL,
    PRIMARY KEY (scope, key)
);
