INSERT INTO auth.link (secret, user_id, expires_at) VALUES ($1, $2, $3)
