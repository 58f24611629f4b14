"""The members of the organisation. Employees are models and do the work. Other members are code that enforces the
rules.
"""
