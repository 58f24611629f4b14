"""The command line: `aura`."""


def main() -> int:
    """Run the command line: the entry point that the `aura` script of release 0.1.0 calls.

    An environment that was installed before the modules moved keeps that script until `make` installs it anew.
    """
    from director.cli.main import main as run

    return run()
