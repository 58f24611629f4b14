"""Loopback doubles of vendors' servers, and the cases that every model behind them passes.

The doubles follow the wire formats. They are doubles: no vendor's server is reached.
"""
