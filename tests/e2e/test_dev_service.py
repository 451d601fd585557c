"""What ``make dev`` promises, on real processes."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from aureon.access import tokens
from aureon.core.errors import InvalidToken
from aureon.storage import store as aureon_store
from aureon.storage.store import OrganizationStore, Store
from aureon_cli.engine import CREDENTIALS, Engine
from aureon_cli.gateway import MAX_BODY_BYTES
from tests.support.local_service import AUREON, Service, clean_environment, started


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def taken_port() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        yield other.getsockname()[1]


def ledger(data: Path) -> Store:
    """The table of the service that runs with this data, reached past the service."""
    notice = json.loads((data / "engine.json").read_text())
    return Store(aureon_store.connect(notice["endpoint_url"], **CREDENTIALS), notice["table"])


def names(store: OrganizationStore) -> list[str]:
    return [record.name for record in tokens.list_records(store)]


def engine_process(data: Path) -> int:
    return int((data / "engine" / "lock").read_text())


def opens(store: Store, token: str) -> str:
    """The organization that a token opens."""
    return tokens.TokenAuthenticator().authenticate(store, f"Bearer {token}").organization_id


def test_it_says_where_it_is_with_a_token_that_works_and_a_first_curl(data: Path) -> None:
    with started(data) as run:
        said = run.welcomed()
        service = run.ready()
        assert service.url in said
        assert f"  Access token  {service.token}\n" in said
        assert opens(ledger(data), service.token) == service.organization_id

        (curl,) = (line for line in said.splitlines() if line.startswith("  curl "))
        _, url, _, header = shlex.split(curl)
        name, value = header.split(": ")
        assert httpx.get(url, headers={name: value}).status_code == 200


def test_health_answers_without_a_token_and_other_paths_do_not(service: Service) -> None:
    assert httpx.get(f"{service.url}/health").status_code == 200
    assert httpx.get(f"{service.url}/v1/customers/").status_code == 401
    assert httpx.get(f"{service.url}/nowhere").status_code == 404


def test_a_connection_is_kept_for_further_requests(service: Service) -> None:
    with socket.create_connection(
        (httpx.URL(service.url).host, httpx.URL(service.url).port or 0)
    ) as line:
        answers = line.makefile("rb")
        for _ in range(2):
            line.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert answers.readline().startswith(b"HTTP/1.1 200")
            length = 0
            while header := answers.readline().strip().lower():
                if header.startswith(b"content-length:"):
                    length = int(header.partition(b":")[2])
            answers.read(length)


def test_a_body_that_is_too_large_is_refused_in_words_that_reach_the_caller(
    service: Service,
) -> None:
    response = httpx.post(
        f"{service.url}/v1/events/ingest",
        content=b"x" * (3 * MAX_BODY_BYTES),
        headers={"content-type": "application/json"},
        timeout=30,
    )
    assert response.status_code == 413
    assert response.json()["error"] == "RequestTooLarge"


def test_it_listens_on_one_address_of_loopback_only(service: Service) -> None:
    port = httpx.URL(service.url).port
    assert port
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", port), timeout=5):
        pass


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly_and_goes_on_with_its_data_and_its_token(
    data: Path, how: signal.Signals
) -> None:
    with started(data) as run:
        first = run.ready()
        tokens.create(ledger(data).of(first.organization_id), name="made before")
        os.killpg(run.process.pid, how)  # as a terminal does it: to the whole process group
        assert run.ended() == 0
    assert not (data / "engine.json").exists()
    assert not (data / "engine" / "tmp").exists()

    with started(data) as run:
        second = run.ready()
        assert (second.token, second.organization_id) == (first.token, first.organization_id)
        assert names(ledger(data).of(first.organization_id)) == ["make dev", "made before"]
    assert "Traceback" not in run.output.read_text()


def test_after_a_sigkill_it_starts_again_with_all_that_it_had(data: Path) -> None:
    with started(data) as run:
        first = run.ready()
        tokens.create(ledger(data).of(first.organization_id), name="made before")
        run.process.kill()
        run.ended()

        with started(data) as again:
            assert again.ready().token == first.token
            assert names(ledger(data).of(first.organization_id)) == ["make dev", "made before"]


def test_the_engine_ends_with_the_service_however_that_ends(data: Path) -> None:
    with started(data) as run:
        run.ready()
        endpoint_url = json.loads((data / "engine.json").read_text())["endpoint_url"]
        run.process.kill()
        run.ended()
        # The next service waits for the engine to have ended.
        with started(data) as again:
            again.ready()
            with pytest.raises(httpx.ConnectError):
                httpx.get(f"{endpoint_url}/_ministack/health")


def test_the_token_is_for_its_owners_eyes_only(data: Path) -> None:
    with started(data) as run:
        run.ready()
        assert stat.S_IMODE((data / "token").stat().st_mode) == 0o600


def test_a_token_outlives_the_loss_of_the_data(data: Path) -> None:
    with started(data) as run:
        first = run.ready()
        run.stop()
    shutil.rmtree(data / "engine" / "state")
    with started(data) as run:
        second = run.ready()
        assert second.token == first.token
        assert opens(ledger(data), first.token) == second.organization_id


def test_the_environment_can_fix_the_token(data: Path) -> None:
    for _ in range(2):
        with started(data, AUREON_ACCESS_TOKEN="aureon_oat_mine") as run:
            assert "aureon_oat_mine" in run.welcomed()
            assert opens(ledger(data), "aureon_oat_mine") == run.ready().organization_id
    assert not (data / "token").exists()


def test_two_run_side_by_side_without_knowing_of_each_other(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    with started(one) as first, started(two) as second:
        ours, theirs = first.ready(), second.ready()
        assert ours.url != theirs.url
        assert opens(ledger(one), ours.token) == ours.organization_id
        with pytest.raises(InvalidToken):
            opens(ledger(one), theirs.token)


def test_it_serves_on_the_port_that_is_asked_for(data: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    with started(data, PORT=str(port)) as run:
        assert run.ready().url == f"http://127.0.0.1:{port}"


def test_a_taken_port_is_a_sentence_and_nothing_is_started(data: Path, taken_port: int) -> None:
    with started(data, PORT=str(taken_port)) as run:
        assert run.ended() == 1
    said = run.output.read_text()
    assert said.startswith(f"aureon: Port {taken_port} cannot be used")
    assert len(said.splitlines()) == 1
    assert not data.exists()


def test_a_data_folder_in_use_is_a_sentence_and_its_service_goes_on(data: Path) -> None:
    with started(data) as run:
        service = run.ready()
        with started(data) as intruder:
            assert intruder.ended() == 1
        said = intruder.output.read_text().splitlines()
        assert f"aureon: Another service uses the data in {data}" in said[-1]
        assert httpx.get(f"{service.url}/health").status_code == 200
        assert run.ready() == service


def test_another_engine_is_used_where_one_is_named(data: Path, engine: Engine) -> None:
    with started(data, **engine.environment, AUREON_TABLE="elsewhere") as run:
        service = run.ready()
        elsewhere = Store(aureon_store.connect(engine.endpoint_url, **CREDENTIALS), "elsewhere")
        assert opens(elsewhere, service.token) == service.organization_id
        assert not (data / "engine").exists()


def test_without_credentials_for_another_engine_it_ends_with_a_sentence(
    data: Path, engine: Engine
) -> None:
    with started(
        data,
        AWS_ENDPOINT_URL=engine.endpoint_url,
        AWS_REGION="us-east-1",
        AWS_DEFAULT_REGION="us-east-1",
        HOME=str(data.parent),
    ) as run:
        assert run.ended() == 1
    assert run.output.read_text() == "aureon: Unable to locate credentials\n"


def test_aws_settings_of_the_environment_do_not_reach_the_embedded_engine(data: Path) -> None:
    with started(
        data,
        AWS_ENDPOINT_URL_DYNAMODB="http://127.0.0.1:1",
        AWS_IGNORE_CONFIGURED_ENDPOINT_URLS="true",
        AWS_PROFILE="nobody",
        HTTP_PROXY="http://127.0.0.1:1",
    ) as run:
        service = run.ready()
        assert opens(ledger(data), service.token) == service.organization_id


def test_it_ends_when_its_engine_does(data: Path) -> None:
    with started(data) as run:
        run.welcomed()
        os.kill(engine_process(data), signal.SIGKILL)
        assert run.ended() == 1
    assert run.output.read_text().splitlines()[-1].startswith("aureon: The embedded engine ended")


def test_what_was_answered_is_there_after_a_crash(data: Path) -> None:
    """Both processes are killed at once, and none saves."""
    with started(data) as run:
        service = run.ready()
        store = ledger(data)
        tokens.create(store.of(service.organization_id), name="made before")
        os.kill(engine_process(data), signal.SIGKILL)
        run.process.kill()
        run.ended()
    with started(data) as run:
        run.ready()
        assert "made before" in names(ledger(data).of(service.organization_id))


def test_a_wrong_port_is_a_sentence(data: Path) -> None:
    ended = subprocess.run(
        [AUREON, "dev"],
        env=clean_environment() | {"AUREON_DATA": str(data), "PORT": "http"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == 2
    assert "Invalid value for '--port' (env var: 'PORT')" in ended.stderr
    assert "Traceback" not in ended.stderr
