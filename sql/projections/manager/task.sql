-- One task of `aura run show`. The key is the task's id.
CREATE TABLE {schema}.task (
    scope uuid NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    phase text NOT NULL,
    attempts bigint NOT NULL,
    employee uuid,
    order_id uuid,
    tree text,
    verdict uuid,
    reason text,
    PRIMARY KEY (scope, key)
);
