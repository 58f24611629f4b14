-- One employee. `phase` is working, suspended or dismissed. `strikes` count; `reversed` ones count no more. `until` is
-- the end of the suspension. `appeals` is the number of open appeals. `profile` and `state` are JSON. Times are
-- microseconds UTC.
CREATE TABLE {schema}.person (
    scope uuid NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    scripted boolean NOT NULL,
    phase text NOT NULL,
    strikes bigint NOT NULL,
    reversed bigint NOT NULL,
    until bigint,
    probation boolean NOT NULL,
    tier text NOT NULL,
    appeals bigint NOT NULL,
    rehire_from bigint,
    profile text NOT NULL,
    version uuid NOT NULL,
    hired_at bigint NOT NULL,
    dismissed_at bigint,
    state text NOT NULL,
    PRIMARY KEY (scope, key)
);
