UPDATE log.checkpoint SET seq = $2 WHERE name = 'recorder' AND seq = $1
