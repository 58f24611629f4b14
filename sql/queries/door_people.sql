SELECT scope AS employee, name, provider, model, scripted, phase, strikes, reversed, until, probation, tier, appeals,
    rehire_from, profile, version, hired_at, dismissed_at
FROM hr.person
ORDER BY hired_at, name
