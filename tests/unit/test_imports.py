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
HANDLERS = sorted(PACKAGE.parent.glob("*.py"))
MODULES = sorted(PACKAGE.rglob("*.py"))
DOMAIN = sorted((PACKAGE / "domain").glob("*.py"))


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


def imports(path: Path, package: str) -> bool:
    return any(f"{name}.".startswith(f"{package}.") for name in imported(path))


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


def test_there_are_modules_to_look_at() -> None:
    assert {"health.py", "ingest.py", "customers.py", "meters.py", "balances.py"} <= {
        path.name for path in HANDLERS
    }
    assert PACKAGE / "store.py" in MODULES
    assert imports(PACKAGE / "store.py", "botocore")
    assert imports(PACKAGE / "runtime.py", "aws_lambda_powertools")


@pytest.mark.parametrize("path", DOMAIN, ids=name_of)
def test_the_domain_knows_values_and_no_services(path: Path) -> None:
    own = {name for name in imported(path) if f"{name}.".startswith("aureon.")}
    known = ("aureon.domain.", "aureon.keys", "aureon.exact", "aureon.times")

    assert all(name.startswith(known) for name in own), own
    assert {name.partition(".")[0] for name in imported(path)} <= {
        *sys.stdlib_module_names,
        "aureon",
    }


@pytest.mark.parametrize("path", [*HANDLERS, *MODULES], ids=name_of)
def test_one_module_talks_to_the_database_and_one_more_to_the_queue(path: Path) -> None:
    talks = imports(path, "boto3") or imports(path, "botocore")

    assert talks == (path in (PACKAGE / "store.py", PACKAGE / "wire.py", PACKAGE / "queue.py"))


@pytest.mark.parametrize("path", [*HANDLERS, *MODULES], ids=name_of)
def test_one_module_knows_the_logs(path: Path) -> None:
    assert imports(path, "aws_lambda_powertools") == (path == PACKAGE / "runtime.py")


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


def test_no_handler_loads_the_xray_sdk() -> None:
    names = [handler.stem for handler in HANDLERS]
    program = f"import sys, {', '.join(names)}\nprint(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()

    assert set(names) <= set(loaded)
    assert not [name for name in loaded if name.startswith("aws_xray_sdk")]


def test_only_the_handler_of_dead_letters_loads_what_talks_to_the_queue() -> None:
    others = [handler.stem for handler in HANDLERS if handler.stem != "dead_letters"]
    program = f"import sys, {', '.join(others)}\nprint(*sys.modules)"

    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()

    assert set(others) <= set(loaded)
    assert "aureon.queue" not in loaded
