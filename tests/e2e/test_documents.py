"""Every document's code runs as it stands there, and prints what the document says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.contract.clients import ROOT
from tests.support.documents import (
    DOCUMENTS,
    FENCE,
    PICTURE,
    README,
    RUNNERS,
    SDKS,
    Document,
    Stage,
    python,
)
from tests.support.local_service import started

# README's code has tests of its own, in tests/contract. The others are in the order in which README
# sends its reader to them.
RUNNING = sorted(
    (document for document in DOCUMENTS if document.runs and document is not README),
    key=lambda document: README.text.index(f"]({document})"),
)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One service and one folder for all pages, as a reader has who goes through them."""
    with started(tmp_path_factory.mktemp("service") / "data") as run:
        yield Stage.open(run, tmp_path_factory.mktemp("folder"))


@pytest.mark.parametrize("document", RUNNING, ids=str)
def test_code_prints_what_the_document_says(document: Document, stage: Stage) -> None:
    """Whatever the pages before it have left there."""
    for name in document.runs:
        assert document.printed(name, stage) == document.output(name)


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_there_is_no_code_that_nothing_runs(document: Document) -> None:
    fences = 2 * sum(1 + (block.output is not None) for block in document.blocks)
    assert document.text.count(FENCE) == fences
    for block in document.blocks:
        if block.mark == "runs":
            assert block.what in SDKS or block.language in RUNNERS
        else:
            marked = block.mark is not None or block.language == PICTURE
            assert marked, f"Nothing runs:\n{block.code}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document: Document) -> None:
    for file, anchor in LINK.findall(document.text):
        target = (document.path.parent / file).resolve() if file else document.path
        assert target.exists(), file
        if anchor:
            assert anchor in anchors(target), f"{file}#{anchor}"


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_a_message_of_ones_own_counts(tmp_path: Path) -> None:
    """Twice the same, as ``docs/queue.md`` sends it, and once in the balance."""
    guide = Document(ROOT / "docs" / "queue.md")
    with started(tmp_path / "data") as run:
        stage = Stage.open(run, tmp_path)
        headers = {"Authorization": f"Bearer {stage.service.token}"}
        with httpx.Client(base_url=stage.service.url, headers=headers) as api:
            customer = {"email": "someone@example.com", "external_id": "user_123"}
            api.post("/v1/customers/", json=customer).raise_for_status()
            everything = {"conjunction": "and", "clauses": []}
            sum_of_units = {"func": "sum", "property": "units"}
            meter = {"name": "Units", "filter": everything, "aggregation": sum_of_units}
            api.post("/v1/meters/", json=meter).raise_for_status()

            for _ in range(2):
                assert python(stage, guide.code("boto3")).returncode == 0

            def balances() -> list[int]:
                found = api.get("/v1/customer-meters/").json()["items"]
                return [meter["balance"] for meter in found]

            run.wait_for(lambda: balances() == [5])


def test_security_names_tests_that_there_are() -> None:
    """A threat is answered by a test, or by a setting: what is named is there."""
    text = (ROOT / "docs" / "security.md").read_text()
    named = re.findall(r"`((?:[a-z0-9_]+/)?[a-z_0-9]+(?:\.py)?(?:_…)?)`", text)
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))

    for name in named:
        if name.endswith(".py"):
            assert (ROOT / name).exists() or [*(ROOT / "tests").rglob(name)], name
        elif name.startswith("test_"):
            assert f"def {name.removesuffix('…')}" in tests, name
    assert sum(name.startswith("test_") for name in named) > 10
