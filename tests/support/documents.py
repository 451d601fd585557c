"""The documents' code runs as it stands there, and prints what they say that it prints.

A comment above each block of code names what runs it: ``<!-- runs: curl -->``. Blocks of a document
with the same name run one after the other, in one go. A block of ``text`` right below a block of
code is what it prints; elsewhere it is a picture. Code that cannot run says why:
``<!-- not run: the reason -->``.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

from aureon.storage import queue
from aureon_cli.engine import CREDENTIALS, REGION
from tests.contract.clients import CLIENTS, ROOT, Client
from tests.support import typescript_client
from tests.support.local_service import Run, Service, clean_environment

# What the documents call the service that make dev runs.
URL: Final = "http://127.0.0.1:8000"
# What a busy machine may take for a page of commands, each of which starts Python.
RUN_SECONDS: Final = 180.0
PICTURE: Final = "text"
FENCE: Final = "```"
BLOCK: Final = re.compile(
    r"(?:^<!-- (?P<mark>runs|not run): (?P<what>[^\n]+) -->\n)?"
    r"^```(?P<language>\w*)\n(?P<code>.*?)^```\n"
    r"(?:^```text\n(?P<output>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
Ended: TypeAlias = "subprocess.CompletedProcess[str]"


@dataclass(frozen=True)
class Block:
    """A block of code: what stands above it, what it is written in, and what it prints."""

    mark: str | None
    what: str | None
    language: str
    code: str
    output: str | None


@dataclass(frozen=True)
class Document:
    """A page of Markdown."""

    path: Path

    def __str__(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def blocks(self) -> list[Block]:
        return [Block(**match.groupdict()) for match in BLOCK.finditer(self.text)]

    @property
    def runs(self) -> list[str]:
        """The names of what runs, in order."""
        return [*dict.fromkeys(block.what for block in self.blocks if block.mark == "runs")]  # type: ignore[list-item]

    def code(self, name: str) -> str:
        """All code of this name."""
        return "\n".join(block.code for block in self._named(name))

    def output(self, name: str) -> str:
        return "".join(block.output or "" for block in self._named(name))

    def run(self, name: str, stage: Stage) -> Ended:
        """Run what has this name, as its language is run, or with the client of that name."""
        (language,) = {block.language for block in self._named(name)}
        runner = SDKS.get(name) or RUNNERS[language]
        return runner(stage, self.code(name))

    def printed(self, name: str, stage: Stage) -> str:
        """Run what has this name, and return what it prints: nothing, if the document is silent."""
        ended = self.run(name, stage)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout if self.output(name) else ""

    def _named(self, name: str) -> Iterator[Block]:
        return (block for block in self.blocks if (block.mark, block.what) == ("runs", name))


@dataclass(frozen=True)
class Stage:
    """Where code runs: a service of its own, and an empty folder."""

    run: Run
    service: Service
    folder: Path

    @property
    def notice(self) -> Mapping[str, str]:
        """What the service says of where it and its engine are."""
        found: dict[str, str] = json.loads((self.run.data / "engine.json").read_text())
        return found

    @classmethod
    def open(cls, run: Run, folder: Path) -> Stage:
        """Messages are delivered again at once, rather than after half a minute."""
        stage = cls(run, run.ready(), folder)
        queue.connect(stage.notice["endpoint_url"], **CREDENTIALS).set_queue_attributes(
            QueueUrl=stage.notice["queue_url"], Attributes={"VisibilityTimeout": "0"}
        )
        return stage


def bash(stage: Stage, code: str) -> Ended:
    given = {
        "AUREON_URL": stage.service.url,
        "AUREON_ACCESS_TOKEN": stage.service.token,
        "AUREON_DATA": str(stage.run.data),
        "PATH": f"{Path(sys.executable).parent}:{clean_environment()['PATH']}",
    }
    return _run(stage, given, "bash", "-euo", "pipefail", "-c", code)


def python(stage: Stage, code: str) -> Ended:
    """Run code that uses Aureon's own client, or plain HTTP, or the ingestion queue."""
    given = {
        "AUREON_URL": stage.service.url,
        "AUREON_ACCESS_TOKEN": stage.service.token,
        "AUREON_QUEUE_URL": stage.notice["queue_url"],
        "ORGANIZATION_ID": stage.service.organization_id,
        "AWS_ENDPOINT_URL": stage.notice["endpoint_url"],
        "AWS_ACCESS_KEY_ID": CREDENTIALS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": CREDENTIALS["aws_secret_access_key"],
        "AWS_DEFAULT_REGION": REGION,
    }
    return _run(stage, given, sys.executable, "-c", code)


def _run(stage: Stage, given: dict[str, str], *command: str) -> Ended:
    options: dict[str, Any] = {"capture_output": True, "text": True, "check": False}
    return subprocess.run(
        command,
        env=clean_environment() | given,
        cwd=stage.folder,
        timeout=RUN_SECONDS,
        **options,
    )


def _through(client: Client) -> Callable[[Stage, str], Ended]:
    """What runs code with a published client, after a look at its types where it has some."""

    def run(stage: Stage, code: str) -> Ended:
        if client.missing:
            pytest.skip(client.missing)
        # Each client has its own modules, and finds them beside the script.
        folder = Path(tempfile.mkdtemp(prefix=f"{client.name}-", dir=stage.folder))
        script = folder / client.driver.with_stem("guide").name
        script.write_text(code)
        if script.suffix == ".mts":
            (folder / "node_modules").symlink_to(client.environment)
            checked = client.check(script)
            if checked.returncode:
                return checked
        return client.run(script, stage.service)

    return run


def _through_ours(stage: Stage, code: str) -> Ended:
    through = _through(typescript_client.CLIENT)
    if typescript_client.CLIENT.missing:
        return through(stage, code)
    with typescript_client.built():
        return through(stage, code)


SDKS: Final = {client.name: _through(client) for client in CLIENTS} | {
    typescript_client.CLIENT.name: _through_ours
}
RUNNERS: Final[Mapping[str, Callable[[Stage, str], Ended]]] = {
    "bash": bash,
    "python": python,
    # Code that calls fetch needs no client, only what runs TypeScript.
    "ts": SDKS["typescript-1"],
}
DOCUMENTS: Final = [
    Document(path)
    for path in (
        *(
            ROOT / name
            for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
        ),
        *sorted((ROOT / "docs").rglob("*.md")),
    )
]
README: Final = DOCUMENTS[0]
