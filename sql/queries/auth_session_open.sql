SELECT EXISTS (
    SELECT FROM auth.session WHERE id = $1 AND ended_at IS NULL AND created_at > $2::bigint - $3::bigint
)
