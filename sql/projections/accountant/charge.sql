-- One amount that was charged to a run. The key is the event's id. `at`: microseconds UTC.
-- `cut_off`: charged at the upper bound of calls without a receipt. Provider and model are then empty.
CREATE TABLE {schema}.charge (
    scope uuid NOT NULL,
    key text NOT NULL,
    task uuid NOT NULL,
    employee uuid NOT NULL,
    at bigint NOT NULL,
    cut_off boolean NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    tokens bigint NOT NULL,
    usd numeric NOT NULL,
    unpriced boolean NOT NULL,
    estimated boolean NOT NULL,
    price_source text NOT NULL,
    account text NOT NULL,
    PRIMARY KEY (scope, key)
);
