SELECT record FROM "{table}" ORDER BY scope, key
