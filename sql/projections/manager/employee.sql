-- One employee, with the data that the manager needs for routing.
CREATE TABLE {schema}.employee (
    scope uuid NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    scripted boolean NOT NULL,
    suspended boolean NOT NULL,
    faults bigint NOT NULL,
    rest_until bigint NOT NULL,
    adaptations text NOT NULL,
    profile text NOT NULL,
    tier text NOT NULL,
    ceilings text NOT NULL,
    shadow_left bigint NOT NULL,
    handicap_percent bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
