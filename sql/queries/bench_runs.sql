SELECT count(*) FROM manager.run
