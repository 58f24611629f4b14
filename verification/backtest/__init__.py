"""The backtest. It judges a repository's own merged fixes without a model, to measure how reliable its verdicts are."""
