DELETE FROM "{table}" WHERE scope = ?
