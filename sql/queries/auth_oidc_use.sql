WITH old AS (DELETE FROM auth.oidc_used WHERE expires_at <= $3)
INSERT INTO auth.oidc_used (nonce, expires_at) VALUES ($1, $2)
ON CONFLICT (nonce) DO NOTHING
RETURNING nonce
