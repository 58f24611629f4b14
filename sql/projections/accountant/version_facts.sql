-- The supplier of a version. The scope is the version's id. `agent` is empty for a model without a coding agent.
CREATE TABLE {schema}.version_facts (
    scope uuid NOT NULL,
    key text NOT NULL,
    maker text NOT NULL,
    model text NOT NULL,
    provider text NOT NULL,
    agent text NOT NULL,
    PRIMARY KEY (scope, key)
);
