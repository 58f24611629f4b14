"""Replays of routing on tables of models and problems, under bandit feedback: only the results of attempts are seen."""
