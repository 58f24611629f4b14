-- An employee of a fallback chain that did not get an order. The key: the order, and the employee's place in the chain.
CREATE TABLE {schema}.stand_in (
    scope uuid NOT NULL,
    key text NOT NULL,
    order_id uuid NOT NULL,
    task_name text NOT NULL,
    attempt bigint NOT NULL,
    employee uuid NOT NULL,
    passed_over uuid NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (scope, key)
);
