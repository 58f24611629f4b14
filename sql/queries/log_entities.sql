SELECT DISTINCT entity FROM log.event WHERE starts_with(entity::text, $1) LIMIT 2
