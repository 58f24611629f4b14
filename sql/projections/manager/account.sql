-- One account of models. The scope is the organisation, the key is the account's name. limits: JSON.
-- minute, day: number of the minute and of the day (UTC) of the last call. Times are microseconds UTC.
CREATE TABLE {schema}.account (
    scope uuid NOT NULL,
    key text NOT NULL,
    server text NOT NULL,
    limits text NOT NULL,
    faults bigint NOT NULL,
    fault text NOT NULL,
    reason text NOT NULL,
    closed_until bigint NOT NULL,
    minute bigint NOT NULL,
    requests bigint NOT NULL,
    tokens bigint NOT NULL,
    day bigint NOT NULL,
    day_tokens bigint NOT NULL,
    day_usd numeric NOT NULL,
    PRIMARY KEY (scope, key)
);
