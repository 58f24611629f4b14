SELECT f.key AS role, f.employees FROM manager.fallback f ORDER BY f.key
