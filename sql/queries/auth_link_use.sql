DELETE FROM auth.link WHERE secret = $1 RETURNING user_id, expires_at
