"""``python -m tools.reference``: write the OpenAPI document and the page that shows it.

With ``--check`` nothing is written, and the exit code says whether anything would be.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from tools.reference import document, page

FOLDER: Final = Path(__file__).parents[2] / "functions" / "openapi_files"


def made() -> dict[str, bytes]:
    """The files as they should be, by name."""
    built = document.build()
    return {"openapi.json": document.write(built), **page.files(built)}


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    files = made()
    present = {path.name: path.read_bytes() for path in FOLDER.iterdir()}
    if "--check" in sys.argv[1:]:
        if present != files:
            print("The reference is not what the code says: run make openapi.", file=sys.stderr)
        return int(present != files)
    for name in present.keys() - files.keys():
        (FOLDER / name).unlink()
    for name, content in files.items():
        (FOLDER / name).write_bytes(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
