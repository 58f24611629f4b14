"""The staff: who does the work, and who keeps the law. Employees are models; everyone else is deterministic."""
