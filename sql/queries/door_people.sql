SELECT scope AS employee, name, provider, model, scripted, phase, strikes, profile, hired_at FROM hr.person ORDER BY hired_at, name
