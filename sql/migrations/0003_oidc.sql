-- Answers of an OpenID provider that were used. An ID token has the nonce of one sign-in, so it signs in once. Only an
-- accepted token leaves a row, so strangers cannot fill the table. Times are microseconds UTC.
CREATE TABLE auth.oidc_used (
    nonce      bytea  PRIMARY KEY CHECK (length(nonce) = 32),
    expires_at bigint NOT NULL
);
