"""The backtest: a repository's own merged fixes, judged without any model, to learn what verdicts on it are worth."""
