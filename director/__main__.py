"""`python -m director` is `aura`."""

import sys

from director.cli import main

sys.exit(main())
