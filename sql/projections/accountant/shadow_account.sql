-- One employee in one shadow run. The key is the employee's id. Latency and verdict time are in microseconds.
CREATE TABLE {schema}.shadow_account (
    scope uuid NOT NULL,
    key text NOT NULL,
    attempts bigint NOT NULL,
    calls bigint NOT NULL,
    cut_off bigint NOT NULL,
    failed bigint NOT NULL,
    unusable bigint NOT NULL,
    declined bigint NOT NULL,
    input_tokens bigint NOT NULL,
    output_tokens bigint NOT NULL,
    charged_tokens bigint NOT NULL,
    charged_usd numeric NOT NULL,
    unpriced bigint NOT NULL,
    latency_us bigint NOT NULL,
    verdict_us bigint NOT NULL,
    verified bigint NOT NULL,
    rejected bigint NOT NULL,
    integrity bigint NOT NULL,
    first_attempts bigint NOT NULL,
    first_verified bigint NOT NULL,
    PRIMARY KEY (scope, key)
);
