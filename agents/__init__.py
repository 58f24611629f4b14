"""The staff. Employees are models and do the work. All other members are deterministic code and keep the rules."""
