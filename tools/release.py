"""Make what a release consists of, in ``build/release``: sources, clients, materials, notes, sums.

``make release`` runs it. It refuses a version that the changelog does not tell about, a tag that
is not the version's, and sources that are not committed.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FOLDER: Final = ROOT / "build" / "release"
PACKAGES: Final = (
    "aureon_client-{}.tar.gz",
    "aureon_client-{}-py3-none-any.whl",
    "aureon-client-{}.tgz",
)


class NotReleasable(Exception):
    """What is wrong, in a sentence."""


def version() -> str:
    """The version that the project says to be."""
    text: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return text


def notes(changelog: str, of: str) -> str:
    """What a changelog tells of a version. Raises `NotReleasable` where that is nothing."""
    found = re.search(
        rf"^## \[{re.escape(of)}\] - \d{{4}}-\d\d-\d\d\n(.*?)(?=^## \[|\Z)",
        changelog,
        re.DOTALL | re.MULTILINE,
    )
    if found is None or not found[1].strip():
        raise NotReleasable(f"CHANGELOG.md tells nothing of {of} with a date.")
    return found[1].strip() + "\n"


def packages(built: Path, of: str) -> list[Path]:
    """The clients' packages of a version. Raises `NotReleasable` where one is missing."""
    names = [name.format(of) for name in PACKAGES]
    missing = [name for name in names if not (built / name).is_file()]
    if missing:
        raise NotReleasable(f"{', '.join(missing)}: not built. Run make clients.")
    return [built / name for name in names]


def main() -> None:
    named = version()
    tag = os.environ.get("GITHUB_REF_NAME", f"v{named}")
    if tag != f"v{named}":
        raise NotReleasable(f"The tag is {tag}, and the version {named}.")
    if _run("git", "status", "--porcelain"):
        raise NotReleasable("There are changes that are not committed.")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    (FOLDER / "NOTES.md").write_text(notes((ROOT / "CHANGELOG.md").read_text(), named))
    sources = FOLDER / f"aureon-{named}.tar.gz"
    _run("git", "archive", f"--prefix=aureon-{named}/", f"--output={sources}", "HEAD")
    shutil.copy(ROOT / "build" / "sbom.json", FOLDER / f"aureon-{named}.cyclonedx.json")
    for package in packages(ROOT / "build" / "clients", named):
        shutil.copy(package, FOLDER)
    attached = sorted(path for path in FOLDER.iterdir() if path.name != "NOTES.md")
    sums = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}" for path in attached)
    (FOLDER / "SHA256SUMS").write_text("\n".join(sums) + "\n")
    for path in sorted(FOLDER.iterdir()):
        print(path.relative_to(ROOT))


def _run(*command: str) -> str:
    return subprocess.run(  # noqa: S603
        command, cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE
    ).stdout


if __name__ == "__main__":
    try:
        main()
    except NotReleasable as reason:
        sys.exit(str(reason))
