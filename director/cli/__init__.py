"""The command line: `aura`."""


def main() -> int:
    """Run the command line. The `aura` script of release 0.1.0 calls this function.

    An environment that was made with that release has this script until `make` installs the project again.
    """
    from director.cli.main import main as run

    return run()
