SELECT seq FROM log.checkpoint WHERE name = 'recorder'
