UPDATE auth.token SET used_at = $3
WHERE id = $1 AND secret = $2 AND revoked_at IS NULL AND expires_at > $3::bigint
RETURNING id, user_id, scopes
