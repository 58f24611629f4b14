SELECT id FROM log.event ORDER BY id
