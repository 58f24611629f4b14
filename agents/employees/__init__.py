"""The employees: the contract, prompts, the answer reader, errors of calls, and one provider per file."""
