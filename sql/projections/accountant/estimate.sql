-- The estimate of a run, and what became of it. The key is "run". Costs are micro-USD, times of the run are microseconds
-- UTC, `seconds_*` are seconds from the submission to the delivery. `within`: simulated runs per mille within the budget.
CREATE TABLE {schema}.estimate (
    scope uuid NOT NULL,
    key text NOT NULL,
    micro_usd_low bigint NOT NULL,
    micro_usd_mid bigint NOT NULL,
    micro_usd_high bigint NOT NULL,
    tokens_low bigint NOT NULL,
    tokens_mid bigint NOT NULL,
    tokens_high bigint NOT NULL,
    seconds_low bigint NOT NULL,
    seconds_mid bigint NOT NULL,
    seconds_high bigint NOT NULL,
    delivered bigint NOT NULL,
    within bigint NOT NULL,
    attempts bigint NOT NULL,
    unknown bigint NOT NULL,
    staff bigint NOT NULL,
    submitted_at bigint NOT NULL,
    delivered_at bigint,
    outcome text,
    PRIMARY KEY (scope, key)
);
