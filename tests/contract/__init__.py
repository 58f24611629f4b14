"""The contract of a model: every provider passes the same cases. The doubles of the servers are in tests/wires."""
