"""The synthesized template, made once, with assets for this machine's Python."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

os.environ["JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"] = "1"
aws_cdk = pytest.importorskip("aws_cdk", reason="the dependency group infra is not installed")

from infra import bundle  # noqa: E402
from infra.bundle import Assets, Target, UvMissing  # noqa: E402
from infra.settings import Settings  # noqa: E402
from infra.stack import Aureon, checked  # noqa: E402

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Synthesized:
    """What synthesis wrote: the template, and the assets that it names, by their hash."""

    text: str
    archives: Mapping[str, Path]

    @property
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


def built(target: Target, folder: Path) -> Assets:
    """Build the bundle, or skip the test where there is nothing to build it with."""
    try:
        return bundle.build(target, folder=folder)
    except UvMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Assets:
    return built(bundle.HOST, tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="session")
def synthesized(assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    return synthesize(assets, Settings(), tmp_path_factory.mktemp("synthesized"))


def synthesize(assets: Assets, settings: Settings, out: Path) -> Synthesized:
    """The stack, as cdk-nag passes it: it finds nothing that nobody has given a reason for."""
    app = aws_cdk.App(outdir=str(out), analytics_reporting=False)
    Aureon(app, "Aureon", assets=assets, settings=settings)
    checked(app).synth()
    listed = json.loads((out / "Aureon.assets.json").read_text())["files"]
    return Synthesized(
        (out / "Aureon.template.json").read_text(),
        {
            key: out / asset["source"]["path"]
            for key, asset in listed.items()
            if asset["source"]["packaging"] == "zip"
        },
    )
