"""What SAM's own commands run: ``make start-api`` is ``sam local start-api``, in Docker.

It writes `TEMPLATE`, on which ``sam local invoke`` works too: the synthesized template, with the
table and the queues of the service that ``make dev`` runs.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from infra.bundle import ROOT
from infra.invoke import ENVIRONMENT, CannotInvoke, settings

SYNTHESIZED: Final = ROOT / "build" / "cdk.out" / "Aureon.template.json"
# Beside the synthesized one, which names the assets by where they are from there.
TEMPLATE: Final = SYNTHESIZED.with_name("sam.template.json")
LOOPBACK: Final = ("127.0.0.1", "localhost")
# What Docker Desktop calls this machine in a container.
DESKTOP_HOST: Final = "host.docker.internal"


def write(variables: Mapping[str, str], *, synthesized: Path = SYNTHESIZED) -> Path:
    """Write the template with these variables in every function, and say where it is.

    SAM gives a function no variable that its template does not name. It calls a function by the
    name of its handler's module, as in ``sam local invoke health``.
    """
    template = json.loads(synthesized.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Lambda::Function":
            function = resource["Properties"]
            function["Environment"]["Variables"] |= variables
            resource["Metadata"]["SamResourceId"] = function["Handler"].partition(".")[0]
    written = synthesized.with_name(TEMPLATE.name)
    written.write_text(json.dumps(template))
    return written


def in_reach(variables: Mapping[str, str], *, system: str) -> tuple[dict[str, str], list[str]]:
    """The variables as they are right in a container of this system, and SAM's options for them.

    A container on Linux shares this machine's network; Docker Desktop has a machine of its own.
    """
    if system == "Linux":
        return dict(variables), ["--docker-network", "host"]
    hosts = "|".join(map(re.escape, LOOPBACK))
    seen = {
        name: re.sub(f"//({hosts}):", f"//{DESKTOP_HOST}:", text)
        for name, text in variables.items()
    }
    return seen, []


def main(arguments: Sequence[str]) -> int:
    try:
        variables, options = in_reach(settings()[0], system=platform.system())
    except CannotInvoke as error:
        print(f"make start-api: {error}", file=sys.stderr)
        return 1
    command = ["sam", "local", "start-api", "--template", str(write(variables))]
    os.environ["SAM_CLI_TELEMETRY"] = "0"
    os.execv(ENVIRONMENT / "bin" / "sam", [*command, *options, *arguments])  # noqa: S606


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
