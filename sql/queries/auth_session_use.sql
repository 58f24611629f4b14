UPDATE auth.session SET seen_at = $2
WHERE secret = $1 AND ended_at IS NULL AND seen_at > $2::bigint - $3::bigint AND created_at > $2::bigint - $4::bigint
RETURNING id, user_id, authenticated_at
