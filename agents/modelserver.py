"""The old module name of the embedded model's server, for supervisors that release 0.1.0 started.

They restart the server as `python -m agents.modelserver`. The next release removes this module.
"""

import sys

from agents.employees.providers.llama_cpp_server import main

if __name__ == "__main__":
    sys.exit(main())
