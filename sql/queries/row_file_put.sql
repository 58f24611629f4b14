INSERT OR REPLACE INTO "{table}" (scope, key, record) VALUES (?, ?, ?)
