"""`aura serve ROLE` for drills: the same program, but a trap can make it kill itself or a server.

`python -m tests.integration.drilled ROLE`. Its trap is AURA_HOME/drill/ROLE.armed, and the record of all calls is in
the same folder. If the file ROLE.early exists, a consumer of the role moves its checkpoint before it writes its rows.
"""

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path

from agents.employees.contract import Employee
from agents.employees.posting import Posting
from agents.employees.providers.scripted import Recording
from director.cli.output import Door
from director.deployment.serve import Serving, serve_roles
from director.settings import Settings
from runtime.composition import Organisation
from runtime.process_config import Setup
from tests.integration.killable import SIGN_TIMES, Trap, TwoSteps, Witnessed
from tests.integration.kills import LEASE_MARGIN_S

FOLDER = "drill"
WITNESS = "witness"


class Early(Organisation):
    """A process whose consumers commit a checkpoint before the rows."""

    async def _build(self) -> None:
        await super()._build()
        assert self._office is not None
        for runner in self._runners:
            runner.tables = TwoSteps(runner.projection, self._office.store, self.setup.fault, early=True)


def main(role: str) -> None:
    settings, door = Settings(), Door("serve", as_json=False)
    folder = settings.root / FOLDER
    trap = Trap(folder / f"{role}.armed")

    def build(posting: Posting, environment: Mapping[str, str]) -> Employee:
        del environment
        script = Recording.load(Path(posting.script))
        made = Witnessed(id=posting.id, name=posting.name, script=script, delay_s=posting.delay_s)
        made.witness, made.fault = folder / WITNESS, trap
        return made

    kind = Early if (folder / f"{role}.early").exists() else Organisation

    def make(setup: Setup) -> Organisation:
        return kind(
            dataclasses.replace(setup, build=build, fault=trap, lease_margin_s=LEASE_MARGIN_S, sign_times=SIGN_TIMES)
        )

    door.run(serve_roles(settings, Serving(roles=(role,), allow_degraded=True), note=door.say, make=make))


if __name__ == "__main__":
    main(sys.argv[1])
