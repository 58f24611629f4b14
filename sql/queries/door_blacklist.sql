SELECT scope AS version, reason, at FROM hr.blacklist ORDER BY at, scope
