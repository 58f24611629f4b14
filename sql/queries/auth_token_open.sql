SELECT EXISTS (SELECT FROM auth.token WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2::bigint)
