-- One row of `aura runs`. Times are microseconds UTC. shadow_of: the run of which a shadow run repeats a task. override_of: the
-- run whose work an override releases without a verdict.
CREATE TABLE {schema}.run (
    scope uuid NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    phase text NOT NULL,
    outcome text,
    reason text,
    submitted_at bigint NOT NULL,
    ended_at bigint,
    spent_usd numeric NOT NULL,
    spent_tokens bigint NOT NULL,
    tree text,
    commit_id text,
    folder text,
    branch text,
    release_ref text,
    shadow_of uuid,
    override_of uuid,
    PRIMARY KEY (scope, key)
);
CREATE INDEX run_override_of ON {schema}.run (override_of) WHERE override_of IS NOT NULL;
