SELECT hour, kind, count FROM auth.failure ORDER BY hour, kind
