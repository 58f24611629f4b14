-- One attempt. The key is the order's id. `outcome`: empty (open), verified, rejected, declined, failed or fault.
-- `number`: the attempt's number at its task. `again`: the employee has tried the task before. Times are microseconds
-- UTC. `assigned` and `ended` are ids of events.
CREATE TABLE {schema}.scored_attempt (
    scope uuid NOT NULL,
    key text NOT NULL,
    task uuid NOT NULL,
    employee uuid NOT NULL,
    version uuid NOT NULL,
    skill text NOT NULL,
    number bigint NOT NULL,
    again boolean NOT NULL,
    session boolean NOT NULL,
    criteria bigint NOT NULL,
    assigned_at bigint NOT NULL,
    ended_at bigint NOT NULL,
    outcome text NOT NULL,
    usd numeric NOT NULL,
    dropped bigint NOT NULL,
    integrity boolean NOT NULL,
    false_claim boolean NOT NULL,
    assigned uuid NOT NULL,
    ended uuid,
    PRIMARY KEY (scope, key)
);
CREATE INDEX scored_attempt_employee ON {schema}.scored_attempt (employee, assigned_at);
-- The numbers of each version of each employee at each skill. Faults are attempts without a result. Their cost counts.
CREATE VIEW {schema}.scorecard AS
SELECT employee, version, skill,
       count(*) AS attempts,
       count(*) FILTER (WHERE outcome = 'verified') AS verified,
       count(*) FILTER (WHERE outcome = 'rejected') AS rejected,
       count(*) FILTER (WHERE outcome = 'failed') AS failed,
       count(*) FILTER (WHERE outcome = 'declined') AS declined,
       count(*) FILTER (WHERE outcome = 'fault') AS faults,
       count(*) FILTER (WHERE number = 1 AND outcome IN ('verified', 'rejected', 'failed', 'declined')) AS first_attempts,
       count(*) FILTER (WHERE number = 1 AND outcome = 'verified') AS first_verified,
       count(*) FILTER (WHERE again) AS retries,
       count(*) FILTER (WHERE outcome IN ('verified', 'rejected')) AS handed_in,
       count(*) FILTER (WHERE outcome IN ('verified', 'rejected') AND dropped > 0) AS drifted,
       count(*) FILTER (WHERE outcome IN ('verified', 'rejected') AND session) AS claims,
       count(*) FILTER (WHERE false_claim) AS false_claims,
       count(*) FILTER (WHERE integrity) AS integrity,
       coalesce(sum(criteria) FILTER (WHERE outcome = 'verified'), 0)::bigint AS criteria,
       sum(usd) AS usd,
       sum(ended_at - assigned_at)::bigint AS time_us
FROM {schema}.scored_attempt
WHERE outcome <> ''
GROUP BY employee, version, skill;
