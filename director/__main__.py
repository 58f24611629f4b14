"""The entry point of `python -m director`, which is the same program as `aura`."""

import sys

from director.cli.main import main

sys.exit(main())
