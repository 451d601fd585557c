"""What the functions are made of, built without Docker: wheels for another platform need no
compiler.

Bytecode is bundled too: Lambda mounts code read-only, so each cold start would compile everything
again. Only a Python of the same version can compile it. Where this machine has none and none can
be fetched, the bundle has no bytecode, and says so.

``python -m infra.bundle`` builds it for Lambda and states its size.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
FUNCTIONS: Final = ROOT / "functions"
BUILD: Final = ROOT / "build" / "bundle"

# Where Lambda unpacks layers and functions: what tracebacks name.
LAYERS: Final = "/opt/python"
FUNCTION: Final = "/var/task"
PYTHONS: Final = ROOT / "build" / "python"
FETCH_SECONDS: Final = 300.0

# The services that botocore is to know. Each that it comes with takes room; there are hundreds.
SERVICES: Final = {"dynamodb", "lambda", "sqs"}
# pydantic need not read the metadata of each package for plugins: the bundle has none.
# https://docs.pydantic.dev/latest/concepts/plugins/
ENVIRONMENT: Final = {"PYDANTIC_DISABLE_PLUGINS": "__all__"}


class Target(NamedTuple):
    """A Python, and a platform in uv's words; None means this machine's."""

    python: str
    platform: str | None


LAMBDA: Final = Target("3.13", "aarch64-manylinux2014")
HOST: Final = Target(f"{sys.version_info.major}.{sys.version_info.minor}", None)


@dataclass(frozen=True)
class Assets:
    """Folders to deploy: two layers that all functions share, and one for each handler's module.

    `compiled` says whether they have bytecode.
    """

    dependencies: Path
    package: Path
    handlers: Mapping[str, Path]
    compiled: bool


class UvMissing(Exception):
    """There is no uv to build with."""


def build(target: Target, *, functions: Path = FUNCTIONS, folder: Path = BUILD) -> Assets:
    """Build the bundle of `functions` in a folder, the dependencies only where the lock is new."""
    compiler = interpreter(target.python) or _fetched(target.python)
    package = folder / "package"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(
        functions / "aureon",
        package / "python" / "aureon",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    handlers: dict[str, Path] = {}
    for module in sorted(functions.glob("*.py")):
        handlers[module.stem] = folder / "handlers" / module.stem
        shutil.rmtree(handlers[module.stem], ignore_errors=True)
        handlers[module.stem].mkdir(parents=True)
        shutil.copyfile(module, handlers[module.stem] / module.name)
        served = functions / f"{module.stem}_files"
        if served.is_dir():
            shutil.copytree(served, handlers[module.stem] / served.name)
    if compiler:
        _compile(compiler, [package / "python"], LAYERS)
        _compile(compiler, handlers.values(), FUNCTION)
    else:
        print(
            f"WARNING: no Python {target.python} on this machine, and none could be fetched. The "
            "bundle has no bytecode: each cold start takes about twice as long. Install Python "
            f"{target.python}, and build again.",
            file=sys.stderr,
        )
    return Assets(_dependencies(target, compiler), package, handlers, compiler is not None)


@cache
def interpreter(version: str) -> Path | None:
    """A Python of this version, as in 3.13: this one, one on the path, pyenv's, or one fetched."""
    named = shutil.which(f"python{version}")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    for program in (
        Path(sys.executable),
        *([Path(named)] if named else []),
        *sorted(pyenv.glob(f"{version}.*/bin/python")),
        *sorted(PYTHONS.glob(f"cpython-{version}.*/bin/python{version}")),
    ):
        asked = subprocess.run(  # noqa: S603
            [program, "-c", "import sys; print(sys.implementation.cache_tag, sys.version_info[3])"],
            capture_output=True,
            text=True,
        )
        # A release before the final one may have another bytecode.
        if asked.stdout.split() == [f"cpython-{version.replace('.', '')}", "final"]:
            return program
    return None


@cache
def _fetched(version: str) -> Path | None:
    """A Python that uv brings for this step alone, into the build's own folder."""
    with suppress(subprocess.SubprocessError):
        _uv(
            *("python", "install", "--quiet", version),
            *("--install-dir", str(PYTHONS), "--no-bin"),
            timeout=FETCH_SECONDS,
            UV_PYTHON_DOWNLOADS="manual",
        )
        interpreter.cache_clear()
    return interpreter(version)


def _compile(compiler: Path, folders: Iterable[Path], place: str) -> None:
    """Put bytecode beside every module of the folders, which Lambda finds at `place`.

    It is never compared with its source, and the same for the same sources, wherever it is built.
    https://docs.python.org/3/reference/import.html#cached-bytecode-invalidation
    """
    for folder in folders:
        subprocess.run(  # noqa: S603
            [
                *(compiler, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"),
                *("-s", folder, "-p", place, folder),
            ],
            env={"PYTHONHASHSEED": "0"},
            check=True,
        )


def _dependencies(target: Target, compiler: Path | None) -> Path:
    """The locked dependencies, built once for each lock and target, and shared."""
    requirements = _uv("export", "--locked", "--no-default-groups", "--no-emit-project", "--quiet")
    recipe = repr((requirements, target, bool(compiler), Path(__file__).read_text()))
    built = BUILD / "dependencies" / hashlib.sha256(recipe.encode()).hexdigest()[:16]
    if built.is_dir():
        return built
    built.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=built.parent) as scratch:
        listed = Path(scratch, "requirements.txt")
        listed.write_text(requirements)
        layer = Path(scratch, "layer")
        platform = ["--python-platform", target.platform] if target.platform else []
        _uv(
            *("pip", "install", "--quiet", "--require-hashes", "--requirements", str(listed)),
            *("--target", str(layer / "python"), "--only-binary", ":all:"),
            *("--python-version", target.python, *platform),
        )
        for path in _superfluous(layer / "python"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        if compiler:
            _compile(compiler, [layer / "python"], LAYERS)
        try:
            layer.rename(built)
        except OSError:
            # Somebody else was faster.
            if not built.is_dir():
                raise
    return built


def _superfluous(packages: Path) -> Iterator[Path]:
    """What no function reads."""
    yield packages / ".lock"
    yield packages / "bin"
    yield from (packages / "boto3" / name for name in ("data", "examples"))
    for path in (packages / "botocore" / "data").iterdir():
        if path.is_dir() and path.name not in SERVICES:
            yield path


def _uv(*arguments: str, timeout: float | None = None, **environment: str) -> str:
    # As make has it: named, installed, or in an environment of its own.
    own = sorted(map(str, ROOT.glob(".uv/*/bin/uv")))
    program = os.environ.get("UV") or shutil.which("uv") or (own[-1] if own else None)
    if program is None:
        raise UvMissing("Building the bundle needs uv: make names the one that it uses.")
    return subprocess.run(  # noqa: S603
        [program, "--color", "never", *arguments],
        cwd=ROOT,
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        timeout=timeout,
        env=os.environ | environment,
    ).stdout


def files(folder: Path) -> list[Path]:
    """The files of a folder, in a fixed order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def write_archive(folder: Path, archive: Path) -> None:
    """Write a folder as Lambda takes it."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as written:
        for path in files(folder):
            written.write(path, path.relative_to(folder))


def main() -> None:
    assets = build(LAMBDA)
    parts = {
        "dependencies": assets.dependencies,
        "package": assets.package,
        **{f"handler {name}": path for name, path in assets.handlers.items()},
    }
    print(f"{'':24} {'zipped':>10} {'unzipped':>10}  (KiB)")
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch, "archive.zip")
        for name, folder in parts.items():
            write_archive(folder, archive)
            unzipped = sum(path.stat().st_size for path in files(folder))
            print(f"{name:24} {archive.stat().st_size / 1024:10.1f} {unzipped / 1024:10.1f}")
    print("with bytecode" if assets.compiled else "without bytecode")


if __name__ == "__main__":
    main()
