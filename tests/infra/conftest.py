"""The synthesized template, made once, with assets for this machine's Python."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ["JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION"] = "1"
aws_cdk = pytest.importorskip("aws_cdk", reason="the dependency group infra is not installed")

from infra import bundle  # noqa: E402
from infra.bundle import Assets, Target, UvMissing  # noqa: E402
from infra.settings import Settings  # noqa: E402
from tests.support import template  # noqa: E402
from tests.support.template import Synthesized, synthesize  # noqa: E402


def built(target: Target, folder: Path) -> Assets:
    """Build the bundle, or skip the test where there is nothing to build it with."""
    try:
        return bundle.build(target, folder=folder)
    except UvMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def assets(tmp_path_factory: pytest.TempPathFactory) -> Assets:
    return built(bundle.HOST, tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="session")
def synthesized() -> Synthesized:
    """The stack as it is by default; but for the code of its functions, as it is deployed."""
    return template.without_assets()


@pytest.fixture(scope="session")
def deployable(assets: Assets, tmp_path_factory: pytest.TempPathFactory) -> Synthesized:
    """The same stack, with its functions' code."""
    return synthesize(assets, Settings(), tmp_path_factory.mktemp("synthesized"))
