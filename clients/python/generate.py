"""Make what is generated of the package: its types, and the plain client from the one with async.

``python clients/python/generate.py [FOLDER]`` writes it into the package, or into another folder,
for a look at what has drifted. It runs in the environment of ``tests/clients/environment``.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import unasync
from datamodel_code_generator import DataModelType, Formatter, InputFileType, PythonVersion
from datamodel_code_generator import generate as generate_types

HERE: Final = Path(__file__).parent
PACKAGE: Final = HERE / "aureon_client"
DOCUMENT: Final = HERE.parents[1] / "functions" / "openapi_files" / "openapi.json"

# A number in a request may be any of Python's; in an answer it is a decimal, always.
DECIMAL: Final = {"type": "number", "format": "decimal"}
GIVEN_NUMBER: Final = [{"type": "integer"}, DECIMAL, {"type": "number"}]
# What the document says in words, as generators of other clients have no type for it.
METADATA: Final[dict[str, tuple[str, ...]]] = {
    "Metadata": (),
    "MetadataBody": ("string", "number", "boolean"),
    "EventMetadataBody": ("string", "number", "boolean", "object"),
}
TYPES_HEADER: Final = '''"""What requests hold, and what is answered: made of the OpenAPI document.

`DECIMALS` are the keys of answers whose numbers are `Decimal`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypedDict

if TYPE_CHECKING:
    from typing_extensions import NotRequired

'''
# What is not only the same name without its Async.
REPLACED: Final = {
    "AsyncIterator": "Iterator",
    "AsyncBatch": "Batch",
    "AsyncClient": "Client",
    "AsyncHold": "Hold",
    "AsyncKeeper": "Keeper",
    "_async": "_sync",
    "_async_runtime": "_sync_runtime",
    "aclose": "close",
}


def main(folder: Path) -> None:
    """Write everything that is generated into a folder that is laid out as the package is."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "types.py").write_text(types(json.loads(DOCUMENT.read_text())))
    without_async(folder / "_sync")
    subprocess.run(
        [
            *(sys.executable, "-m", "ruff", "format", "--quiet"),
            *("--config", HERE / "pyproject.toml", folder / "types.py", folder / "_sync"),
        ],
        check=True,
    )


def types(document: dict[str, Any]) -> str:
    """The schemas of an OpenAPI document, and the queries of its lists, as classes."""
    schemas: dict[str, Any] = document["components"]["schemas"]
    for name, values in METADATA.items():
        kinds = [{"type": each} for each in values]
        schemas[name]["additionalProperties"] = {"anyOf": kinds} if kinds else {}
    schemas |= dict(_queries(document))
    decimals: set[str] = set()
    for name, schema in schemas.items():
        _with_decimals(schema, given=name.endswith("Body"), decimals=decimals)
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / "types.py"
        generate_types(
            json.dumps(document),
            input_file_type=InputFileType.OpenAPI,
            output=made,
            output_model_type=DataModelType.TypingTypedDict,
            target_python_version=PythonVersion.PY_311,
            use_union_operator=True,
            use_schema_description=True,
            use_standard_collections=True,
            disable_timestamp=True,
            formatters=[Formatter.BUILTIN],
        )
        classes = re.sub(r"\A.*?(?=^class )", "", made.read_text(), flags=re.DOTALL | re.MULTILINE)
    keys = ", ".join(f'"{name}"' for name in sorted(decimals))
    return f"{TYPES_HEADER}DECIMALS: Final = frozenset({{{keys}}})\n\n\n{classes}"


def _queries(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each operation takes in its query; of what may be repeated, one alone will do."""
    for path in document["paths"].values():
        for operation in path.values():
            properties: dict[str, Any] = {
                parameter["name"]: parameter["schema"]
                for parameter in operation.get("parameters", ())
                if parameter["in"] == "query"
            }
            for name, schema in properties.items():
                if schema.get("type") == "array":
                    properties[name] = {"anyOf": [schema["items"], schema]}
            if properties:
                name = operation["operationId"].title().replace("_", "")
                yield f"{name}Query", {"type": "object", "properties": properties}


def _with_decimals(schema: Any, *, given: bool, decimals: set[str]) -> None:
    """Say of every number which of Python's it is, and collect the keys of those answered."""
    if isinstance(schema, list):
        for each in schema:
            _with_decimals(each, given=given, decimals=decimals)
    if not isinstance(schema, dict):
        return
    properties = schema.get("properties", {})
    if not given:
        decimals |= {name for name, each in properties.items() if _is_number(each)}
    for each in list(schema.values()):
        _with_decimals(each, given=given, decimals=decimals)
    if schema.get("type") == "number":
        schema.clear()
        schema |= {"anyOf": list(GIVEN_NUMBER)} if given else DECIMAL
    if any("anyOf" in choice for choice in schema.get("anyOf", ())):
        flat = [choice.get("anyOf", [choice]) for choice in schema["anyOf"]]
        schema["anyOf"] = [choice for choices in flat for choice in choices]


def _is_number(schema: Any) -> bool:
    return any(one.get("type") == "number" for one in [schema, *schema.get("anyOf", ())])


def without_async(folder: Path) -> None:
    """Write the modules of ``_async`` as they are without it."""
    rule = unasync.Rule(str(PACKAGE / "_async"), str(folder), REPLACED)
    for module in sorted((PACKAGE / "_async").glob("*.py")):
        rule._unasync_file(str(module))
        made = folder / module.name
        note = f"# Made of _async/{module.name} by generate.py.\n"
        made.write_text(note + made.read_text().replace("async with", "with"))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else PACKAGE)
