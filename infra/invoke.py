"""Invoke one function with a sample event: ``make invoke FUNCTION=ingest EVENT=events/….json``.

The handler runs on the bundle's layers under Lambda's own client for Python and the runtime
interface emulator, both of the environment that make calls ``.venv-sam``: without Docker. Who has
Docker may use SAM's own commands, see `infra.sam`.

It works on the table of the service that ``make dev`` runs, with its token in place of the
sample's; or on what ``AUREON_TABLE`` and the AWS settings of the environment name.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import httpx

from aureon_cli import dev
from aureon_cli.engine import CREDENTIALS
from infra import bundle
from infra.bundle import ROOT, Assets
from infra.functions import timeout

ENVIRONMENT: Final = ROOT / ".venv-sam"
EMULATOR: Final = "samcli/local/rapid/aws-lambda-rie-{}"
MACHINES: Final = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
INVOCATIONS: Final = "/2015-03-31/functions/function/invocations"
HOST: Final = "127.0.0.1"
START_SECONDS: Final = 30.0
# More than any function's own timeout, which the emulator keeps.
ENOUGH_SECONDS: Final = 1_000.0
STOP_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.02
# What stands in the samples for a token.
SAMPLE_TOKEN: Final = "aureon_oat_sample"  # noqa: S105
# What a function sees of this process's environment.
INHERITED: Final = ("HOME", "PATH", "LD_LIBRARY_PATH", "NO_PROXY", "no_proxy")


# Two that look for free ports at once would find the same ones.
_starting = threading.Lock()


class CannotInvoke(Exception):
    """What is missing, in words for the person who asked."""


@contextmanager
def emulated(
    handler: str, assets: Assets, environment: Mapping[str, str], *, log: int | None = None
) -> Iterator[httpx.Client]:
    """Start a function as Lambda does, for as many invocations as one likes.

    What it logs goes to the file descriptor `log`, or to standard error.
    """
    layers = (assets.dependencies / "python", assets.package / "python")
    with _starting:
        places = [f"{HOST}:{port}" for port in _free_ports(2)]
        process = subprocess.Popen(  # noqa: S603
            [
                str(emulator()),
                "--runtime-interface-emulator-address",
                places[0],
                "--runtime-api-address",
                places[1],
                str(ENVIRONMENT / "bin" / "python"),
                "-m",
                "awslambdaric",
                f"{handler}.handler",
            ],
            cwd=assets.handlers[handler],
            stdin=subprocess.DEVNULL,
            stdout=log or sys.stderr.fileno(),
            stderr=log or sys.stderr.fileno(),
            start_new_session=True,
            env={name: os.environ[name] for name in INHERITED if name in os.environ}
            | {
                "PYTHONPATH": os.pathsep.join(map(str, layers)),
                "PYTHONDONTWRITEBYTECODE": "1",
                "AWS_LAMBDA_FUNCTION_NAME": handler,
                "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout(handler).to_seconds()),
            }
            | dict(environment),
        )
        try:
            for place in places:
                _await(place, process)
        except BaseException:
            process.kill()
            process.wait()
            raise
    try:
        with httpx.Client(
            base_url=f"http://{places[0]}", timeout=ENOUGH_SECONDS, trust_env=False
        ) as client:
            yield client
    finally:
        # It ends its runtime first, which would complain of being left alone.
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def invoke(client: httpx.Client, event: Any) -> Any:
    """The answer of a function; where it failed, what Lambda makes of it: `errorType` and so on."""
    answer = client.post(INVOCATIONS, json=event)
    answer.raise_for_status()
    return answer.json()


def emulator() -> Path:
    """Where the emulator for this machine is. Raises `CannotInvoke`."""
    name = EMULATOR.format(MACHINES.get(platform.machine(), platform.machine()))
    for found in ENVIRONMENT.glob(f"lib/python*/site-packages/{name}"):
        return found
    raise CannotInvoke("The emulator is not there: make .venv-sam/synced brings it.")


def _free_ports(count: int) -> list[int]:
    with_sockets = [socket.socket() for _ in range(count)]
    try:
        for one in with_sockets:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in with_sockets]
    finally:
        for one in with_sockets:
            one.close()


def _await(place: str, process: subprocess.Popen[bytes]) -> None:
    host, _, port = place.partition(":")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection((host, int(port))):
            return
        time.sleep(POLL_SECONDS)
    raise CannotInvoke("The emulator does not start.")


def settings() -> tuple[dict[str, str], str | None]:
    """The environment of the function, and a token; None where it is not known."""
    if os.environ.get("AUREON_TABLE"):
        own = {name: text for name, text in os.environ.items() if name.startswith(("AWS_", "AUR"))}
        return own, None
    data = Path(os.environ.get("AUREON_DATA", dev.DEFAULT_DATA))
    try:
        running = dev.Running.find(data)
    except dev.ServiceError as error:
        raise CannotInvoke(f"{error} Or name a table of AWS as AUREON_TABLE.") from error
    variables = {
        "AUREON_TABLE": running.table,
        "AWS_ENDPOINT_URL": running.endpoint_url,
        "AUREON_QUEUE_URL": running.queue_url or "",
        "AUREON_DEAD_LETTER_QUEUE_URL": running.dead_letter_queue_url or "",
    }
    if running.embedded:
        variables |= {name.upper(): text for name, text in CREDENTIALS.items()}
        variables["AWS_DEFAULT_REGION"] = variables.pop("REGION_NAME")
    return variables, dev.kept_token(data)


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 2:
        print("As in: make invoke FUNCTION=ingest EVENT=events/ingest.usage.json", file=sys.stderr)
        return 2
    handler, path = arguments
    try:
        variables, token = settings()
        event = Path(path).read_text()
        if token:
            event = event.replace(SAMPLE_TOKEN, token)
        assets = bundle.build(bundle.HOST)
        if handler not in assets.handlers:
            raise CannotInvoke(f"There is no function {handler}: {', '.join(assets.handlers)}.")
        with emulated(handler, assets, variables) as client:
            answer = invoke(client, json.loads(event))
    except (CannotInvoke, OSError, ValueError) as error:
        print(f"make invoke: {error}", file=sys.stderr)
        return 1
    print(json.dumps(answer, indent=2, ensure_ascii=False))
    return 1 if isinstance(answer, dict) and "errorType" in answer else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
