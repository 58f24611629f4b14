-- Sign-in of people: outside the log, exports and earlier states. The log holds the users and their roles. No column
-- holds a secret: passwords are argon2id hashes, and the secrets of sessions, tokens and links are sha256 hashes of
-- 256 random bits. Times are microseconds UTC.
CREATE SCHEMA auth;

CREATE TABLE auth.password (
    user_id    uuid   PRIMARY KEY,
    hash       text   NOT NULL CHECK (hash LIKE '$argon2id$%'),
    changed_at bigint NOT NULL
);

CREATE TABLE auth.session (
    id               uuid   PRIMARY KEY,
    secret           bytea  NOT NULL UNIQUE CHECK (length(secret) = 32),
    user_id          uuid   NOT NULL,
    created_at       bigint NOT NULL,
    seen_at          bigint NOT NULL,
    authenticated_at bigint NOT NULL,       -- the last time that the person gave the password, or used a link
    ended_at         bigint
);
CREATE INDEX session_by_user ON auth.session (user_id);

CREATE TABLE auth.token (
    id         uuid   PRIMARY KEY,
    secret     bytea  NOT NULL UNIQUE CHECK (length(secret) = 32),
    user_id    uuid   NOT NULL,
    name       text   NOT NULL,
    scopes     text[] NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    used_at    bigint,
    revoked_at bigint
);
CREATE INDEX token_by_user ON auth.token (user_id);

CREATE TABLE auth.link (                    -- one-time sign-in; the row is deleted by its use
    secret     bytea  PRIMARY KEY CHECK (length(secret) = 32),
    user_id    uuid   NOT NULL,
    expires_at bigint NOT NULL
);

CREATE TABLE auth.failure (                 -- refused sign-ins, counted by hour, so that they cannot fill the log
    hour  bigint NOT NULL,
    kind  text   NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (hour, kind)
);
