-- The evidence about a version of an employee: overall, or at one skill. The scope is the version.
-- The key is a skill, or `overall`. Counts are in micro-units, `cost` in micro-dollars, `time` in microseconds.
CREATE TABLE {schema}.routing_evidence (
    scope uuid NOT NULL,
    key text NOT NULL,
    verified bigint NOT NULL,
    failed bigint NOT NULL,
    attempts bigint NOT NULL,
    cost bigint NOT NULL,
    cost_weight bigint NOT NULL,
    time bigint NOT NULL,
    alarm bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
