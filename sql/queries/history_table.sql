-- A version of a row is valid for the sequences from_seq <= S < to_seq. The open version has to_seq = {far}.
-- A life of a row begins when the row is inserted (born_seq) and ends when it is deleted. newest: no version of this
-- life is newer. So the index finds each life once, with its begin and its end.
CREATE TABLE {schema}.{table} (
    {columns},
    from_seq bigint NOT NULL,
    to_seq bigint NOT NULL,
    born_seq bigint NOT NULL,
    newest boolean NOT NULL,
    PRIMARY KEY (scope, key, from_seq),
    CHECK (born_seq <= from_seq AND from_seq < to_seq)
);
CREATE UNIQUE INDEX {table}_lives ON {schema}.{table} (scope, key, born_seq) INCLUDE (to_seq) WHERE newest
