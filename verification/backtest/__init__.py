"""The backtest: a repository's own merged fixes, judged without a model, to measure how reliable verdicts on it are."""
