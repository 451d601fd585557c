"""Clients that generators make of the OpenAPI document run the guide, as they come.

Each generator's guide is in ``generators/``. It makes a meter whose filter is nested, a customer
with metadata, credits, spends and holds, and meets what goes wrong.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
from openapi_spec_validator import validate

from tests.contract.clients import HERE, ROOT, TSC_OPTIONS
from tests.support.local_service import Service, clean_environment
from tools.reference import __main__ as reference

GENERATORS: Final = HERE / "generators"
PYTHON: Final = ROOT / ".venv-generators" / "bin"
NODE: Final = GENERATORS / "node_modules" / ".bin"
PATH: Final = reference.FOLDER / "openapi.json"
DOCUMENT: Final[dict[str, Any]] = json.loads(PATH.read_text())
RUN_SECONDS: Final = 300.0
STORY: Final = """\
balance -10, available 10
balance -10, available 10
balance -10, available 10
balance -7, available 7
InsufficientCredits: 1 of 0
balance -4.5, available 4.5
RequestValidationError: body.email
invalid_token
"""


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    environment = clean_environment() | environment
    ended = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
        cwd=cwd,
        env=environment | {"PATH": f"{PYTHON}{os.pathsep}{environment['PATH']}"},
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def require(what: Path) -> None:
    if not what.exists():
        pytest.skip(f"{what.relative_to(ROOT)} is not there: make test installs it")


def guide(service: Service, *command: str | Path, cwd: Path) -> str:
    """What a guide prints, with the client that was made in a folder."""
    given = {"AUREON_URL": service.url, "AUREON_ACCESS_TOKEN": service.token}
    return run(*command, cwd=cwd, PYTHONPATH=str(cwd), **given)


def test_a_client_of_openapi_python_client_runs_the_guide(service: Service, tmp_path: Path) -> None:
    generator = PYTHON / "openapi-python-client"
    require(generator)
    # It passes over what it can't make a client of, with a warning.
    options = ("--fail-on-warning", "--meta", "none", "--output-path", "openapi_client")
    run(generator, "generate", "--path", PATH, *options, cwd=tmp_path)
    script = GENERATORS / "openapi_python_client_guide.py"
    assert guide(service, PYTHON / "python", script, cwd=tmp_path) == STORY


def test_a_client_of_openapi_generator_runs_the_guide(service: Service, tmp_path: Path) -> None:
    """With the Java that comes with it."""
    generator = PYTHON / "openapi-generator-cli"
    require(generator)
    options = ("--generator-name", "python", "--package-name", "openapi_generated", "--output", ".")
    run(generator, "generate", "--input-spec", PATH, *options, cwd=tmp_path)
    script = GENERATORS / "openapi_generator_guide.py"
    assert guide(service, PYTHON / "python", script, cwd=tmp_path) == STORY


def test_a_client_of_openapi_fetch_runs_the_guide_and_its_types_hold(
    service: Service, tmp_path: Path
) -> None:
    require(NODE)
    shutil.copy(GENERATORS / "openapi_fetch_guide.mts", tmp_path / "guide.mts")
    (tmp_path / "node_modules").symlink_to(NODE.parent)
    # A field with a default is one that may be left out.
    options = ("--default-non-nullable", "false", "--output", "aureon.ts")
    run(NODE / "openapi-typescript", PATH, *options, cwd=tmp_path)
    run(NODE / "tsc", *TSC_OPTIONS, "guide.mts", cwd=tmp_path)
    assert guide(service, NODE / "tsx", "guide.mts", cwd=tmp_path) == STORY


def test_the_document_keeps_to_its_standard() -> None:
    validate(DOCUMENT)
    assert [each["url"] for each in DOCUMENT["servers"]] == [
        "http://127.0.0.1:8000",
        "https://{host}",
    ]


def schemas(node: Any, place: str = "#") -> list[tuple[str, dict[str, Any]]]:
    """All objects of the document, each with its place."""
    match node:
        case dict():
            below = [one for key, each in node.items() for one in schemas(each, f"{place}/{key}")]
            return [(place, node), *below]
        case list():
            return [one for i, each in enumerate(node) for one in schemas(each, f"{place}/{i}")]
        case _:
            return []


def test_the_document_has_nothing_that_generators_take_amiss() -> None:
    found = dict(schemas(DOCUMENT))

    def wrong(is_wrong: Any) -> list[str]:
        return [place for place, node in found.items() if is_wrong(place, node)]

    def is_property(place: str) -> bool:
        return place.rpartition("/")[0].endswith("/properties")

    assert not wrong(lambda place, node: is_property(place) and node.get("type") == "null")
    assert not wrong(lambda _, node: "default" in node and node["default"] is None)
    assert not wrong(
        lambda _, node: node.get("type") == "number" and isinstance(node.get("default"), str)
    )
    assert not wrong(lambda _, node: all("$ref" in each for each in node.get("anyOf", [{}])))
    assert not wrong(
        lambda place, node: (
            place.endswith("/metadata")
            and "/schemas/" in place
            and not any("$ref" in each for each in [node, *node.get("anyOf", ())])
        )
    )
    for name in ("Metadata", "MetadataBody", "EventMetadataBody"):
        schema = DOCUMENT["components"]["schemas"][name]
        assert schema["additionalProperties"] is True
        assert "properties" not in schema
    refusals = DOCUMENT["components"]["responses"].values()
    assert all("$ref" in each["content"]["application/json"]["schema"] for each in refusals)
