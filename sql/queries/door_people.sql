SELECT scope AS employee, name, provider, model, scripted, phase, strikes, profile, version, hired_at, dismissed_at FROM hr.person
ORDER BY hired_at, name
