"""The rerun of a run: answers come from its record, and today's code does everything else."""
