SELECT DISTINCT provider, model FROM hr.person WHERE NOT scripted ORDER BY provider, model
