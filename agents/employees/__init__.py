"""The employees: one provider per file."""
