"""The former path of the containers' health check, for Compose files of release 0.1.0. The next release removes it."""

import runpy
from pathlib import Path

if __name__ == "__main__":
    runpy.run_path(str(Path(__file__).parent / "deployment" / "container_healthcheck.py"), run_name="__main__")
