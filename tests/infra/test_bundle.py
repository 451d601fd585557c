"""The bundle: complete, for Lambda's platform only, and no more than what the functions need."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra import bundle
from infra.bundle import Assets, Target
from tests.infra.conftest import aws_cdk, built

# https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
ELF = b"\x7fELF"
SHARED_OBJECT = 3
AARCH64 = 183

# What Lambda takes, unzipped: 250 MB with all layers. This is far below, to stay quick to load.
MAX_UNZIPPED_BYTES = 35 * 1024 * 1024

# https://docs.python.org/3/library/importlib.html#importlib.util.MAGIC_NUMBER, of 3.13, and the
# flags of bytecode that is never compared with its source (PEP 552).
MAGIC_3_13 = bytes.fromhex("f30d0d0a")
UNCHECKED_HASH = (1).to_bytes(4, "little")

# This Python, and Lambda's where there is one: for this machine, so that it runs here.
TARGETS = {bundle.HOST}
if bundle.interpreter(bundle.LAMBDA.python):
    TARGETS.add(Target(bundle.LAMBDA.python, None))


@pytest.fixture(scope="module")
def for_lambda(tmp_path_factory: pytest.TempPathFactory) -> Assets:
    return built(bundle.LAMBDA, tmp_path_factory.mktemp("bundle"))


def folders(assets: Assets) -> list[Path]:
    return [assets.dependencies, assets.package, *assets.handlers.values()]


def natives(assets: Assets) -> dict[Path, bytes]:
    """The native files among the dependencies, with their first bytes."""
    found = {}
    for path in bundle.files(assets.dependencies):
        with path.open("rb") as file:
            start = file.read(20)
        if start.startswith(ELF) or ".so" in path.suffixes:
            found[path] = start
    return found


def test_every_native_file_is_for_arm64_and_python_3_13(for_lambda: Assets) -> None:
    found = natives(for_lambda)

    assert len(found) >= 3
    for path, start in found.items():
        kind, machine = struct.unpack_from("<HH", start, 16)
        assert start.startswith(ELF + b"\x02\x01"), path
        assert (kind, machine) == (SHARED_OBJECT, AARCH64), path
        # Either for this very version or for every one from some version on.
        assert re.search(r"\.(cpython-313-aarch64-linux-gnu|abi3)\.so$", path.name), path


@pytest.mark.parametrize("target", sorted(TARGETS), ids=lambda target: target.python)
def test_every_handler_runs_on_the_bundle_alone_and_compiles_nothing(
    target: Target, tmp_path: Path
) -> None:
    """Nothing of the bundle is compiled, though Python may write: Lambda's code is read-only."""
    assets = built(target, tmp_path)
    program = f"""
import importlib.machinery
compiled = []
compile_source = importlib.machinery.SourceFileLoader.source_to_code
def note(self, data, path, **options):
    compiled.append(path)
    return compile_source(self, data, path, **options)
importlib.machinery.SourceFileLoader.source_to_code = note

import {", ".join(assets.handlers)}
from aureon.storage import queue
from aureon.storage import store
import boto3, botocore
store.connect("http://127.0.0.1:9", region_name="us-east-1")
queue.connect("http://127.0.0.1:9", region_name="us-east-1")
print(boto3.__file__, botocore.__file__, store.__file__)
print(*[path for path in compiled if path.startswith({tuple(map(str, folders(assets)))!r})])
"""
    layers = [str(layer / "python") for layer in (assets.dependencies, assets.package)]
    path = [*map(str, assets.handlers.values()), *layers]
    interpreter = bundle.interpreter(target.python)
    assert interpreter

    # -S leaves out what is installed beside the standard library.
    ran = subprocess.run(
        [interpreter, "-S", "-c", program],
        env={"PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stderr
    found, compiled = ran.stdout.splitlines()
    assert all(file.startswith(tuple(layers)) for file in found.split())
    assert not compiled.split()


def test_bytecode_is_for_lambdas_python_and_never_compared_with_its_source(
    for_lambda: Assets,
) -> None:
    modules = [
        path
        for folder in folders(for_lambda)
        for path in bundle.files(folder)
        if path.suffix == ".py"
    ]
    compiled = [path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc" for path in modules]

    if not for_lambda.compiled:
        assert not any(path.exists() for path in compiled)
        return
    for path in compiled:
        assert path.read_bytes()[:8] == MAGIC_3_13 + UNCHECKED_HASH, path
    (own,) = [path for path in compiled if path.name == "ingest.cpython-313.pyc"]
    # Tracebacks name where Lambda has the file, not where it was built.
    assert b"/var/task/ingest.py" in own.read_bytes()
    assert str(for_lambda.handlers["ingest"]).encode() not in own.read_bytes()


def test_the_same_sources_make_the_same_bundle(assets: Assets, tmp_path: Path) -> None:
    assert hashes(bundle.build(bundle.HOST, folder=tmp_path)) == hashes(assets)


def test_a_bundle_without_bytecode_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bundle, "interpreter", lambda version: None)
    monkeypatch.setattr(bundle, "_fetched", lambda version: None)

    assets = built(bundle.HOST, tmp_path)

    assert not assets.compiled
    assert "no bytecode" in capsys.readouterr().err
    assert not [path for folder in folders(assets) for path in folder.rglob("*.pyc")]


def test_the_bundle_has_what_functions_need_and_nothing_else(for_lambda: Assets) -> None:
    packages = {path.name for path in (for_lambda.dependencies / "python").iterdir()}
    files = [
        path.relative_to(folder) for folder in folders(for_lambda) for path in bundle.files(folder)
    ]

    assert {"botocore", "pydantic", "aws_lambda_powertools"} <= packages
    assert not packages & {"aws_cdk", "typer", "rich", "ministack", "pytest", "aws_xray_sdk"}
    assert not [path for path in files if "aureon_cli" in path.parts]
    own = [path for path in bundle.files(for_lambda.handlers["ingest"]) if path.suffix != ".pyc"]
    assert [path.name for path in own] == ["ingest.py"]


def test_the_dependencies_are_the_locked_ones(for_lambda: Assets) -> None:
    paths = [str(for_lambda.dependencies / "python")]

    for found in importlib.metadata.distributions(path=paths):
        assert found.version == importlib.metadata.version(found.metadata["Name"])


def test_the_bundle_is_small(for_lambda: Assets) -> None:
    layers = (for_lambda.dependencies, for_lambda.package)

    assert (
        sum(path.stat().st_size for layer in layers for path in bundle.files(layer))
        < MAX_UNZIPPED_BYTES
    )


def test_changing_a_handler_changes_the_asset_of_its_function_alone(
    assets: Assets, tmp_path: Path
) -> None:
    changed = tmp_path / "functions"
    shutil.copytree(bundle.FUNCTIONS, changed, ignore=shutil.ignore_patterns("__pycache__"))
    with (changed / "ingest.py").open("a") as file:
        file.write("# Changed.\n")
    after = bundle.build(bundle.HOST, functions=changed, folder=tmp_path / "bundle")

    before_hashes, after_hashes = hashes(assets), hashes(after)

    assert {name for name in before_hashes if before_hashes[name] != after_hashes[name]} == {
        "ingest"
    }


def hashes(assets: Assets) -> dict[str, Any]:
    """What decides whether an asset is uploaded again, by its name."""
    folders = {
        "dependencies": assets.dependencies,
        "package": assets.package,
        **assets.handlers,
    }
    return {name: aws_cdk.FileSystem.fingerprint(str(folder)) for name, folder in folders.items()}
