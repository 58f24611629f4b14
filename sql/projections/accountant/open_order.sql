-- Which attempt of its task an order is; the key is the order's id. Gone with its outcome.
CREATE TABLE {schema}.open_order (
    scope uuid NOT NULL,
    key text NOT NULL,
    employee uuid NOT NULL,
    attempt bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
