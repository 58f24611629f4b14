-- One employee. `phase` is working, suspended or dismissed. `profile` is JSON. Times are microseconds UTC.
CREATE TABLE {schema}.person (
    scope uuid NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    provider text NOT NULL,
    model text NOT NULL,
    scripted boolean NOT NULL,
    phase text NOT NULL,
    strikes bigint NOT NULL,
    profile text NOT NULL,
    version uuid NOT NULL,
    hired_at bigint NOT NULL,
    dismissed_at bigint,
    PRIMARY KEY (scope, key)
);
