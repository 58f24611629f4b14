-- An attempt without a result. The scope is its run, the key is its order. Rates are in micro-units.
-- `expected`: micro-dollars. Times are microseconds UTC.
CREATE TABLE {schema}.routing_attempt (
    scope uuid NOT NULL,
    key text NOT NULL,
    task uuid NOT NULL,
    version uuid NOT NULL,
    skill text NOT NULL,
    rate bigint NOT NULL,
    rate_now bigint NOT NULL,
    tried bigint NOT NULL,
    expected bigint NOT NULL,
    explores boolean NOT NULL,
    assigned_at bigint NOT NULL,
    ended_at bigint NOT NULL,
    usd numeric NOT NULL,
    PRIMARY KEY (scope, key)
);
