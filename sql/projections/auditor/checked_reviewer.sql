-- The reviews of planted defects and of flawless work by one version. The scope is the employee, the key its version.
CREATE TABLE {schema}.checked_reviewer (
    scope uuid NOT NULL,
    key text NOT NULL,
    planted bigint NOT NULL,
    caught bigint NOT NULL,
    clean bigint NOT NULL,
    objected bigint NOT NULL,
    last_planted bigint NOT NULL,
    last_caught bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
