SELECT id, user_id, name, scopes, created_at, expires_at, used_at, revoked_at FROM auth.token ORDER BY created_at, id
