"""The former place of the embedded model's server, for supervisors that were started by release 0.1.0.

They start it again as `python -m agents.modelserver`. Gone with the next release.
"""

import sys

from agents.employees.providers.llama_cpp_server import main

if __name__ == "__main__":
    sys.exit(main())
