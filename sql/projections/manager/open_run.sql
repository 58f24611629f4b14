-- A run whose budget is not settled yet. `state`: the domain's fold of the run without its tasks and its submission, as JSON.
CREATE TABLE {schema}.open_run (
    scope uuid NOT NULL,
    key text NOT NULL,
    phase text NOT NULL,
    moved_by uuid NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (scope, key)
);
