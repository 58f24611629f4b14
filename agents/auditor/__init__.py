"""The auditor: a table of rules, and the incidents that it raises from evidence."""
