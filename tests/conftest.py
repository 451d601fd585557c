"""What tests of several kinds share: an engine, a table on it, and a running service."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from aureon.storage import store as aureon_store
from aureon.storage.store import Store
from aureon.storage.table import SCHEMA
from aureon_cli import engine as embedded
from aureon_cli.engine import Engine
from tests.support import permissions
from tests.support.local_service import Service, started

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One engine for all tests that want one: in memory, on a free port of loopback."""
    embedded.bypass_proxies()
    with embedded.running(tmp_path_factory.mktemp("engine"), persistent=False) as running:
        yield running


@pytest.fixture(scope="session")
def dynamodb(engine: Engine) -> DynamoDBClient:
    """A client of the engine, for any number of threads."""
    return aureon_store.connect(engine.endpoint_url, **embedded.CREDENTIALS)


@pytest.fixture
def served_store(dynamodb: DynamoDBClient) -> Iterator[Store]:
    """A fresh table of the test's own, on the engine of all tests."""
    name = f"test-{uuid.uuid4()}"
    dynamodb.create_table(TableName=name, **SCHEMA)
    yield Store(dynamodb, name)
    dynamodb.delete_table(TableName=name)


@pytest.fixture
def store(served_store: Store) -> Store:
    return served_store


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The whole local service, started once, for tests that talk to it over HTTP."""
    with started(tmp_path_factory.mktemp("service") / "data") as run:
        yield run.ready()


def pytest_configure() -> None:
    permissions.watch()
    # No test's credentials are those of a machine on AWS: to ask for them takes seconds.
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    # What runs in the background of a shell is told to ignore Ctrl-C, and tells its children.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _skipped_in_ci(terminalreporter):
        terminalreporter.section("skipped tests fail the run where CI is set", red=True)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where CI is set, a test that is skipped is a test that is missing."""
    reporter = session.config.pluginmanager.getplugin("terminalreporter")
    if reporter and _skipped_in_ci(reporter) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skipped_in_ci(reporter: pytest.TerminalReporter) -> bool:
    return bool(os.environ.get("CI")) and bool(reporter.stats.get("skipped"))
