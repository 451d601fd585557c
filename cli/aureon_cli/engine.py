"""The embedded engine: DynamoDB's API on loopback, for the local service and the tests.

It is a child process (`aureon_cli.engine_process`) in a session of its own, so that a Ctrl-C in
the terminal reaches the service only, and the engine outlives the service's last request. Its
standard input is a pipe that nobody writes to: when the parent closes it, or dies in whatever
way, the engine saves its data and ends. It holds a lock on its folder for as long as it lives,
so a service that starts after a parent was killed waits until the data are saved.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import httpx

from aureon.core.errors import AureonError
from aureon_cli import engine_state

HOST: Final = "127.0.0.1"
REGION: Final = "us-east-1"
# It takes any; boto3 wants some.
CREDENTIALS: Final = {
    "region_name": REGION,
    "aws_access_key_id": "local",
    "aws_secret_access_key": "local",
}

# After a crash the journal is played again, a second for each few thousand writes.
START_SECONDS: Final = 600.0
# Saving takes about a second for each 30,000 items.
STOP_SECONDS: Final = 60.0
POLL_SECONDS: Final = 0.05

# What the child may see of the parent's environment: its own settings are many, and share their
# names with those of other engines.
INHERITED: Final = ("HOME", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH")


class EngineError(AureonError):
    """The engine did not start."""


@dataclass(frozen=True)
class Engine:
    """A running engine: where it is, its process, and the file that it logs to."""

    endpoint_url: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def environment(self) -> dict[str, str]:
        """The AWS settings that lead an SDK here, and nowhere else: all that it reads."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def use(self) -> None:
        """Make these the AWS settings of this process, in place of any others."""
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(self.environment)
        bypass_proxies()


@contextmanager
def running(folder: Path, *, persistent: bool) -> Iterator[Engine]:
    """Run an engine for the length of a ``with`` block.

    `folder` holds its log and its scratch files, and, where `persistent`, its data. Raises
    `EngineError` where it does not start, or where another engine goes on using the folder.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    scratch, log = folder / "tmp", folder / "log"
    with _lock(folder / "lock") as lock, _listen() as listener, log.open("ab") as output:
        # An engine that was killed leaves its scratch files.
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        port = listener.getsockname()[1]
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", "-m", "aureon_cli.engine_process", str(listener.fileno())],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            # From here on they are the child's: it alone listens, and holds the lock.
            pass_fds=[listener.fileno(), lock.fileno()],
            start_new_session=True,
            env={name: os.environ[name] for name in INHERITED if name in os.environ}
            | {
                "BIND_HOST": HOST,
                "GATEWAY_PORT": str(port),
                "MINISTACK_REGION": REGION,
                "IOT_MTLS_ENABLED": "0",
                "SFTP_ENABLED": "0",
                # It would clear away other engines' containers.
                "DOCKER_HOST": "unix:///nonexistent",
                "LOG_LEVEL": "WARNING",
                "PERSIST_STATE": str(int(persistent)),
                **(
                    {"STATE_DIR": str(engine_state.current(folder / "state"))} if persistent else {}
                ),
                "TMPDIR": str(scratch),
            },
        )
        lock.truncate(0)
        lock.write(f"{process.pid}\n")
    engine = Engine(f"http://{HOST}:{port}", process, log)
    try:
        _await_health(engine)
        yield engine
    finally:
        _stop(process)
        shutil.rmtree(scratch, ignore_errors=True)


def bypass_proxies() -> None:
    """Keep calls to the engine on this machine: a proxy's loopback is another."""
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = HOST


def _lock(path: Path) -> IO[str]:
    """Take the folder's lock, once the engine that may still be saving there has ended.

    The file names the process of the engine that has it.
    """
    file = path.open("a+")
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return file
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                file.seek(0)
                holder = file.read().strip()
                file.close()
                raise EngineError(
                    f"Another engine, process {holder}, goes on using {path.parent}."
                ) from error
            time.sleep(POLL_SECONDS)


def _listen() -> socket.socket:
    """Listen on a free port before the child runs: connections wait in the kernel for it."""
    return socket.create_server((HOST, 0))


def _await_health(engine: Engine) -> None:
    # One request, no polling: it is answered when the engine serves, and refused or reset when
    # the engine has died, because nobody else has the socket.
    try:
        httpx.get(
            f"{engine.endpoint_url}/_ministack/health", timeout=START_SECONDS, trust_env=False
        ).raise_for_status()
    except httpx.HTTPError as error:
        raise EngineError(f"The embedded engine did not start; see {engine.log}.") from error


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin:
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
