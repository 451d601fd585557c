"""The synthesized template, as tests read it."""

from __future__ import annotations

import ast
import fcntl
import functools
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from infra.bundle import Assets
    from infra.settings import Settings

ROOT: Final = Path(__file__).parents[2]
FUNCTIONS: Final = ROOT / "functions"
CACHE: Final = ROOT / "build" / "templates"
NAME: Final = "Aureon"

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Synthesized:
    """What synthesis wrote: the template, and the assets that it names, by their hash."""

    text: str
    archives: Mapping[str, Path] = field(default_factory=dict)
    stack_name: str = NAME
    termination_protection: bool = False
    warnings: Sequence[str] = ()

    @functools.cached_property
    def resources(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self.text)["Resources"]
        return found

    def of_type(self, kind: str) -> dict[str, Properties]:
        """The properties of all resources of a type, by their logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def mapping(self, handler: str) -> Properties:
        """The properties of what lets Lambda deliver to a function."""
        (name,) = [
            name
            for name, function in self.of_type("AWS::Lambda::Function").items()
            if function["Handler"] == f"{handler}.handler"
        ]
        (found,) = [
            mapping
            for mapping in self.of_type("AWS::Lambda::EventSourceMapping").values()
            if mapping["FunctionName"] in ({"Ref": name}, {"Fn::GetAtt": [name, "Arn"]})
        ]
        return found

    def queue_of(self, handler: str) -> str:
        """The logical id of the queue that a function works off."""
        name: str = self.mapping(handler)["EventSourceArn"]["Fn::GetAtt"][0]
        return name

    def dead_letters_of(self, handler: str) -> str:
        """The logical id of the queue in which the messages for a function end."""
        policy = self.resources[self.queue_of(handler)]["Properties"]["RedrivePolicy"]
        name: str = policy["deadLetterTargetArn"]["Fn::GetAtt"][0]
        return name

    def functions(self) -> dict[str, Properties]:
        """The properties of the functions, by the handler's module."""
        found = self.of_type("AWS::Lambda::Function").values()
        return {function["Handler"].partition(".")[0]: function for function in found}

    def statements(self, handler: str) -> list[Properties]:
        """Everything that a function's role allows, in its own policies and in those attached."""
        role = self.functions()[handler]["Role"]["Fn::GetAtt"][0]
        properties = self.of_type("AWS::IAM::Role")[role]
        assert not properties.get("ManagedPolicyArns")
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
        for policy in self.of_type("AWS::IAM::Policy").values():
            if {"Ref": role} in policy["Roles"]:
                documents.append(policy["PolicyDocument"])
        return [statement for document in documents for statement in document["Statement"]]


@functools.cache
def without_assets() -> Synthesized:
    """The template of a stack whose functions are empty: all but their code is as deployed.

    Synthesis takes many seconds, so one process makes it for all, and once for what it
    is made of.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    made = CACHE / f"{_recipe()}.json"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            for old in CACHE.glob("*.json"):
                old.unlink()
            ran = subprocess.run(
                [sys.executable, "-m", __name__, str(made)],
                cwd=ROOT,
                env={**os.environ, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1"},
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0, ran.stderr
        return Synthesized(**json.loads(made.read_text()))


def _recipe() -> str:
    """A hash of what the template is made of: `infra`, what it imports of ours, and the lock."""
    sources = sorted((ROOT / "infra").glob("*.py"))
    imported = {path for source in sources for path in _imported(source)}
    handlers = sorted(path.stem for path in FUNCTIONS.glob("*.py"))
    digest = hashlib.sha256(repr(handlers).encode())
    for path in (*sources, *sorted(imported), ROOT / "uv.lock", ROOT / "cdk.json", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _imported(source: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("aureon"):
            package = FUNCTIONS.joinpath(*str(node.module).split("."))
            for path in (package, *(package / alias.name for alias in node.names)):
                if path.with_suffix(".py").exists():
                    yield path.with_suffix(".py")


def synthesize(assets: Assets, settings: Settings, out: Path) -> Synthesized:
    """The stack, as cdk-nag passes it: it finds nothing that nobody has given a reason for."""
    from infra.stack import Aureon, new_app

    app = new_app(str(out))
    Aureon(app, NAME, assets=assets, settings=settings)
    app.synth()
    made = json.loads((out / "manifest.json").read_text())["artifacts"][NAME]["properties"]
    metadata = json.loads((out / f"{NAME}.metadata.json").read_text())
    listed = json.loads((out / f"{NAME}.assets.json").read_text())["files"]
    return Synthesized(
        (out / f"{NAME}.template.json").read_text(),
        {
            key: out / asset["source"]["path"]
            for key, asset in listed.items()
            if asset["source"]["packaging"] == "zip"
        },
        made.get("stackName", NAME),
        made.get("terminationProtection", False),
        [one["data"] for of in metadata.values() for one in of if one["type"] == "aws:cdk:warning"],
    )


def _write(made: Path) -> None:
    from infra.bundle import Assets
    from infra.settings import Settings

    with tempfile.TemporaryDirectory() as scratch:
        empty = Path(scratch, "empty")
        empty.mkdir()
        (empty / "module.py").touch()
        handlers = {path.stem: empty for path in FUNCTIONS.glob("*.py")}
        assets = Assets(empty, empty, handlers, compiled=True)
        synthesized = synthesize(assets, Settings(), Path(scratch, "out"))
        made.write_text(json.dumps(asdict(synthesized) | {"archives": {}}))


if __name__ == "__main__":
    _write(Path(sys.argv[1]))
