SELECT id FROM log.event WHERE id = ANY($1::uuid[]) AND seq < $2
