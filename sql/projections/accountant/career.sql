-- The career of one employee. `tier` (JSON) and `ceilings` (JSON) are null without a career. `verified`, `failed` and
-- `alarm` are in micro-units. `tier_verified` and `tier_failed` count attempts since the tier began.
CREATE TABLE {schema}.career (
    scope uuid NOT NULL,
    key text NOT NULL,
    version uuid NOT NULL,
    employed boolean NOT NULL,
    tier text NOT NULL,
    ceilings text NOT NULL,
    since bigint NOT NULL,
    verified bigint NOT NULL,
    failed bigint NOT NULL,
    alarm bigint NOT NULL,
    tier_verified bigint NOT NULL,
    tier_failed bigint NOT NULL,
    evidence_at bigint NOT NULL,
    handicap_percent bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
