SELECT min(seq) AS first, max(seq) AS last FROM log.event WHERE run = $1
