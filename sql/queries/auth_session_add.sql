INSERT INTO auth.session (id, secret, user_id, created_at, seen_at, authenticated_at) VALUES ($1, $2, $3, $4, $4, $5)
