-- The sums over all versions of employees. The scope is the organisation, the key is `total`.
-- `scores`: JSON. `spent` and `explored`: micro-dollars. `rates`: the sum of the rates of `versions` versions.
CREATE TABLE {schema}.routing_total (
    scope uuid NOT NULL,
    key text NOT NULL,
    scores text NOT NULL,
    spent bigint NOT NULL,
    explored bigint NOT NULL,
    rates bigint NOT NULL,
    versions bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
