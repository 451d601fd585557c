"""What README and docs/costs.md say of costs: of a stack that rests, as the template is."""

from __future__ import annotations

import json
import re
from pathlib import Path

from bench import monthly
from bench.units import PRICES
from tests.support.template import Synthesized

DOCUMENT = Path(monthly.__file__).parents[1] / "docs" / "costs.md"


def test_the_document_says_what_a_stack_costs_at_rest(synthesized: Synthesized) -> None:
    told = json.loads(PRICES.read_text())

    # `make monthly-costs` prints what belongs there.
    assert monthly.rest_table(json.loads(synthesized.text), told) in DOCUMENT.read_text()


def test_readme_says_what_the_document_says() -> None:
    page = DOCUMENT.read_text()
    rows = (r"\| together \| ([\d.]+) \|", r"\| 100 events a request, one customer \|(.*)\|")
    figures = [one for row in rows for one in re.findall(r"[\d,]+\.\d\d\b", _only(row, page))]
    told = _only(
        r"\[Costs\]\(docs/costs.md\) \| (.*) \|", (DOCUMENT.parents[1] / "README.md").read_text()
    )

    assert len(figures) == 4
    assert re.findall(r"\$([\d,]+\.\d\d)", told) == figures


def _only(pattern: str, text: str) -> str:
    (found,) = re.findall(pattern, text)
    return str(found)


def test_what_rests_computes_nothing(synthesized: Synthesized) -> None:
    template = json.loads(synthesized.text)
    told = json.loads(PRICES.read_text())
    kinds = {resource["Type"] for resource in template["Resources"].values()}

    assert dict(monthly.at_rest(template, told))["functions, API and table, idle"] == 0
    # Nothing that is paid by the hour, provisioned or kept warm.
    assert not [
        kind for kind in kinds if kind.startswith(("AWS::EC2", "AWS::ECS", "AWS::RDS", "AWS::KMS"))
    ]
    (table,) = synthesized.of_type("AWS::DynamoDB::Table").values()
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    for function in synthesized.functions().values():
        assert "ReservedConcurrentExecutions" not in function
    for alias in synthesized.of_type("AWS::Lambda::Alias").values():
        assert "ProvisionedConcurrencyConfig" not in alias


def test_every_price_says_where_it_is_from() -> None:
    for name, price in json.loads(PRICES.read_text())["prices"].items():
        assert price["source"].startswith("https://aws.amazon.com/"), name
