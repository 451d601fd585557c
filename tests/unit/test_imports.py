"""Imports point one way, and stay few: each costs a cold start."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import aureon.domain

PACKAGE = Path(aureon.domain.__file__).parents[1]
# The rooms of the package, from the ground up: each imports from those before it alone.
ROOMS = (
    "core",
    "storage",
    "domain",
    "access",
    "meters",
    "ledger",
    "projection",
    "customers",
    "credits",
    "reads",
    "audit",
    "webhooks",
    "alerts",
    "api",
)
HANDLERS = sorted(PACKAGE.parent.glob("*.py"))
MODULES = sorted(PACKAGE.rglob("*.py"))
DOMAIN = sorted((PACKAGE / "domain").glob("*.py"))
# What values are made of; the rest of msgspec is a codec.
STRUCTS = {"msgspec.Struct", "msgspec.field", "msgspec.structs.replace"}


def imported(path: Path) -> set[str]:
    """What a module imports when it runs, by full name; not what it imports for its types."""
    return set(_imports(ast.parse(path.read_text()).body))


def _imports(nodes: list[ast.stmt]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from _imports(node.orelse)
            continue
        for inner in ast.walk(node):
            if isinstance(inner, ast.Import):
                yield from (alias.name for alias in inner.names)
            elif isinstance(inner, ast.ImportFrom):
                assert inner.module and not inner.level, "imports are absolute"
                yield from (f"{inner.module}.{alias.name}" for alias in inner.names)


def imported_with_types(path: Path) -> Iterator[str]:
    """What a module imports, for its types too, by full name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(path: Path, package: str) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for name in imported(path))


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


def test_there_are_modules_to_look_at() -> None:
    assert {"health.py", "ingest.py", "customers.py", "meters.py", "balances.py"} <= {
        path.name for path in HANDLERS
    }
    assert PACKAGE / "storage" / "store.py" in MODULES
    assert imports(PACKAGE / "storage" / "clients.py", "boto3")
    assert imports(PACKAGE / "api" / "runtime.py", "aws_lambda_powertools")


def test_every_room_has_its_place_in_the_order() -> None:
    assert {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__"} == set(
        ROOMS
    )


@pytest.mark.parametrize("path", [p for p in MODULES if p.parent != PACKAGE], ids=name_of)
def test_a_room_imports_from_the_rooms_below_it(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0]
    above = ROOMS[ROOMS.index(own) + 1 :]

    upward = [
        name
        for name in imported_with_types(path)
        if name.startswith("aureon.") and name.split(".")[1] in above
    ]

    assert not upward


@pytest.mark.parametrize("path", DOMAIN, ids=name_of)
def test_the_domain_knows_values_and_no_services(path: Path) -> None:
    own = {name for name in imported(path) if f"{name}.".startswith("aureon.")}
    core = ("aureon.core.exact", "aureon.core.texts", "aureon.core.times")
    known = ("aureon.domain.", "aureon.storage.keys", *core)

    assert all(name.startswith(known) for name in own), own
    others = {name for name in imported(path) if name.partition(".")[0] != "aureon"}
    assert {name.partition(".")[0] for name in others - STRUCTS} <= sys.stdlib_module_names


@pytest.mark.parametrize("path", [*HANDLERS, *MODULES], ids=name_of)
def test_values_are_structs(path: Path) -> None:
    """A dataclass takes fifty times as long to define, at each cold start, as a struct does."""
    assert not imports(path, "dataclasses")


@pytest.mark.parametrize("path", [*HANDLERS, *MODULES], ids=name_of)
def test_one_module_talks_to_each_service(path: Path) -> None:
    talks = imports(path, "boto3") or imports(path, "botocore")

    names = ("clients.py", "functions.py", "queue.py", "store.py", "wire.py")
    assert talks == (path in [PACKAGE / "storage" / name for name in names])


@pytest.mark.parametrize("path", [*HANDLERS, *MODULES], ids=name_of)
def test_powertools_is_for_logs_metrics_and_jobs(path: Path) -> None:
    known = [PACKAGE / name for name in ("api/jobs.py", "api/runtime.py", "core/metrics.py")]
    assert imports(path, "aws_lambda_powertools") == (path in known)


@pytest.mark.parametrize("path", HANDLERS, ids=name_of)
def test_a_handler_imports_the_package_and_the_standard_library(path: Path) -> None:
    assert {name.partition(".")[0] for name in imported(path)} <= {
        *sys.stdlib_module_names,
        "aureon",
    }


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_in_the_package_imports_a_handler(path: Path) -> None:
    handlers = {handler.stem for handler in HANDLERS}

    assert not {name.partition(".")[0] for name in imported(path)} & handlers


def loaded_by(names: list[str]) -> list[str]:
    """The modules that a process has loaded once it has imported handlers."""
    program = f"import sys, {', '.join(names)}\nprint(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(names) <= set(loaded)
    return loaded


def test_no_handler_loads_the_xray_sdk() -> None:
    loaded = loaded_by([handler.stem for handler in HANDLERS])

    assert not [name for name in loaded if name.startswith("aws_xray_sdk")]


def test_only_handlers_that_receive_by_themselves_load_what_talks_to_the_queue() -> None:
    receiving = ("dead_letters", "deliverer", "sweep")

    loaded = loaded_by([handler.stem for handler in HANDLERS if handler.stem not in receiving])

    assert "aureon.storage.queue" not in loaded


def test_only_handlers_that_check_a_body_with_every_call_start_with_pydantic() -> None:
    checking = ("consumer", "credits", "ingest")

    loaded = loaded_by([handler.stem for handler in HANDLERS if handler.stem not in checking])

    assert "pydantic" not in loaded
