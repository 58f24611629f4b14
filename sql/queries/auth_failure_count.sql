INSERT INTO auth.failure (hour, kind, count) VALUES ($1, $2, 1)
ON CONFLICT (hour, kind) DO UPDATE SET count = auth.failure.count + 1
