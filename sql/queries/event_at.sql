SELECT id FROM log.event WHERE seq = $1
