SELECT record FROM "{table}" WHERE scope = ?
