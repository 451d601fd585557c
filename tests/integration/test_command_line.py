"""The command line, on a table of the engine."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from aureon.access import organizations, tokens
from aureon.access.tokens import Access, TokenRecord
from aureon.core import times
from aureon.core.errors import InvalidToken
from aureon.storage.store import OrganizationStore, Store
from aureon_cli import dev
from aureon_cli.engine import Engine
from aureon_cli.main import app
from tests.integration.conftest import NewApi
from tests.support.local_service import AUREON

NOTICE = "engine.json"


@pytest.fixture
def store(served_store: Store) -> Store:
    return served_store


@pytest.fixture(autouse=True)
def settings(engine: Engine, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment of someone who works on the test's table, as on one at AWS."""
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AUREON_TABLE", store.table)
    monkeypatch.delenv("AUREON_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def local(store: Store, engine: Engine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The organization of a local service that runs on the test's table, nothing else set."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "AUREON_"))]:
        monkeypatch.delenv(name)
    notice = {
        "url": "http://127.0.0.1:8000",
        "endpoint_url": engine.endpoint_url,
        "embedded": True,
        "table": store.table,
        "organization_id": organizations.create(store, "Local"),
        "process": os.getpid(),
    }
    (tmp_path / ".aureon").mkdir()
    (tmp_path / ".aureon" / NOTICE).write_text(json.dumps(notice))
    return str(notice["organization_id"])


def aureon(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def done(*arguments: str) -> str:
    """What the command printed for scripts; it must have gone well."""
    result = aureon(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.strip()


def refused(*arguments: str) -> str:
    """The sentence with which the command ended."""
    result = aureon(*arguments)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr.startswith("aureon: ")
    return result.stderr.removeprefix("aureon: ").strip()


def access(store: Store, token: str) -> Access:
    return tokens.TokenAuthenticator().authenticate(store, f"Bearer {token}")


def only_record(store: OrganizationStore) -> TokenRecord:
    (record,) = tokens.list_records(store)
    return record


def test_it_says_its_version() -> None:
    said = subprocess.run([AUREON, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout == f"aureon {version('aureon')}\n"


def test_a_created_token_opens_its_organization_with_all_scopes(store: Store) -> None:
    organization_id = done("organizations", "create", "Acme")
    token = done("tokens", "create", "--organization", organization_id, "--name", "laptop")
    record = only_record(store.of(organization_id))
    assert access(store, token) == Access(
        organization_id, frozenset(tokens.SCOPES), None, record.id, "laptop"
    )
    assert record.name == "laptop"


def test_a_token_is_created_with_the_scopes_that_are_named(store: Store) -> None:
    organization_id = done("organizations", "create", "Acme")
    scopes = ("--scope", "events:write", "--scope", "meters:read")
    token = done("tokens", "create", "--organization", organization_id, *scopes)
    assert access(store, token).scopes == {"events:write", "meters:read"}


def test_an_unknown_scope_is_refused_and_the_known_ones_are_named(store: Store) -> None:
    organization_id = done("organizations", "create", "Acme")
    said = refused("tokens", "create", "--organization", organization_id, "--scope", "all")
    assert "Unknown: all." in said
    assert "events:write" in said


@pytest.mark.parametrize(
    ("text", "meant"),
    [("12h", timedelta(hours=12)), ("90d", timedelta(days=90)), ("2w", timedelta(weeks=2))],
)
def test_a_token_can_expire_after_a_while(store: Store, text: str, meant: timedelta) -> None:
    organization_id = done("organizations", "create", "Acme")
    before = times.now()
    done("tokens", "create", "--organization", organization_id, "--expires-in", text)
    expires_at = only_record(store.of(organization_id)).expires_at
    assert expires_at is not None
    assert before + meant <= expires_at <= times.now() + meant


def test_a_token_can_expire_at_a_time(store: Store) -> None:
    organization_id = done("organizations", "create", "Acme")
    text = "2999-01-31T00:00:00+01:00"
    done("tokens", "create", "--organization", organization_id, "--expires-at", text)
    assert only_record(store.of(organization_id)).expires_at == times.from_text(text)


@pytest.mark.parametrize(
    "expiry",
    [
        ["--expires-in", "0d"],
        ["--expires-in", "soon"],
        ["--expires-in", "90"],
        ["--expires-at", "2999-01-31"],
        ["--expires-at", "2001-01-31T00:00:00Z"],
        ["--expires-in", "1d", "--expires-at", "2999-01-31T00:00:00Z"],
    ],
)
def test_an_expiry_that_makes_no_sense_creates_nothing(store: Store, expiry: list[str]) -> None:
    organization_id = done("organizations", "create", "Acme")
    result = aureon("tokens", "create", "--organization", organization_id, *expiry)
    assert result.exit_code == 2
    assert list(tokens.list_records(store.of(organization_id))) == []


def test_a_revoked_token_opens_nothing_and_is_listed_as_revoked(store: Store) -> None:
    organization_id = done("organizations", "create", "Acme")
    token = done("tokens", "create", "--organization", organization_id)
    record = only_record(store.of(organization_id))
    done("tokens", "revoke", "--organization", organization_id, record.id)
    with pytest.raises(InvalidToken):
        access(store, token)
    revoked_at = only_record(store.of(organization_id)).revoked_at
    assert revoked_at is not None
    listed = done("tokens", "list", "--organization", organization_id)
    assert revoked_at.isoformat(sep=" ", timespec="seconds") in listed


def test_a_list_shows_ids_whole_and_never_a_token(store: Store) -> None:
    organization_id = done("organizations", "create", "Acme")
    made = [
        done("tokens", "create", "--organization", organization_id, "--name", name)
        for name in ("[bold]one[/]", "two")
    ]
    listed = done("tokens", "list", "--organization", organization_id)
    for record in tokens.list_records(store.of(organization_id)):
        assert record.id in listed
        assert record.name in listed
    assert not any(token in listed for token in made)


def test_an_unknown_organization_or_token_is_a_sentence() -> None:
    assert refused("tokens", "create", "--organization", "nobody") == (
        "There is no organization nobody."
    )
    assert refused("tokens", "revoke", "--organization", "nobody", "nothing") == (
        "There is no token nothing."
    )


@pytest.mark.parametrize(
    "command", [["tokens", "list"], ["audit"], ["rebuild"], ["export", "events.jsonl"]]
)
def test_of_an_organization_that_there_is_not_nothing_seems_well(command: list[str]) -> None:
    said = refused(*command, "--organization", "nobody")
    assert said == "There is no organization nobody."
    assert list(Path().iterdir()) == []


def test_on_aws_the_organization_must_be_named() -> None:
    result = aureon("tokens", "list")
    assert result.exit_code == 2
    assert "--organization" in result.stderr
    assert "--local" in result.stderr


def test_a_missing_table_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUREON_TABLE", "missing")
    said = refused("organizations", "create", "Acme")
    assert said == "The table does not exist in this account and region; AUREON_TABLE names it."


def test_missing_credentials_are_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    # boto3 remembers the credentials that it has found; a process of its own has found none.
    ended = subprocess.run(
        [AUREON, "organizations", "create", "Acme"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert ended.stderr == ("aureon: The database did not answer. Unable to locate credentials\n")


def test_local_is_the_running_service_and_its_own_organization(store: Store, local: str) -> None:
    token = done("--local", "tokens", "create", "--name", "laptop")
    assert access(store, token).organization_id == local
    assert "laptop" in done("--local", "tokens", "list")
    other = done("--local", "organizations", "create", "Acme")
    assert done("--local", "tokens", "create", "--organization", other)


def test_local_is_never_taken_unasked(local: str) -> None:
    assert "aureon --local" in refused("organizations", "create", "Acme")
    # Boxes are as wide as the terminal, and break their lines.
    assert "--local" in aureon("ingest", "events.jsonl").stderr


@pytest.mark.parametrize(
    "arguments", [["--data", "there", "dev"], ["--data", "here", "dev", "--data", "there"]]
)
def test_the_data_of_a_service_are_where_it_is_told(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Path] = []
    monkeypatch.setattr(dev, "run", lambda port, data: told.append(data))

    done(*arguments)

    assert told == [Path("there")]


@pytest.mark.parametrize("name", ["AWS_ENDPOINT_URL", "AUREON_TABLE"])
def test_local_is_refused_where_the_environment_names_something_else(
    local: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "something")
    assert refused("--local", "tokens", "list") == f"{name} is set, which --local would overrule."


def test_local_is_refused_where_the_address_is_anothers(
    local: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "events.jsonl").write_text("{}\n")
    monkeypatch.setenv("AUREON_URL", "https://elsewhere.example")
    told = "--url, or AUREON_URL, is set, which --local would overrule."
    assert refused("--local", "ingest", "events.jsonl") == told


def test_local_without_a_running_service_is_a_sentence(local: str, tmp_path: Path) -> None:
    (tmp_path / ".aureon" / NOTICE).unlink()
    assert refused("--local", "tokens", "list").startswith("No local service runs")


def test_local_does_not_trust_the_notice_of_a_service_that_was_killed(
    local: str, tmp_path: Path
) -> None:
    notice = tmp_path / ".aureon" / NOTICE
    with subprocess.Popen(["true"]) as ended:
        pass
    notice.write_text(json.dumps({**json.loads(notice.read_text()), "process": ended.pid}))
    assert refused("--local", "tokens", "list").startswith("No local service runs")


def test_organizations_are_listed_with_what_was_set(store: Store) -> None:
    acme, other = done("organizations", "create", "Acme"), done("organizations", "create", "Other")
    mine = ("--organization", acme)
    origins = ("--origin", "https://app.acme.dev", "--origin", "http://localhost:3000")

    done("organizations", "rename", "Acme Ltd", *mine)
    done("organizations", "settings", *mine, "--colour", "#3366FF", "--time-zone", "Europe/Berlin")
    done("organizations", "settings", *mine, *origins)
    lines = done("organizations", "list").splitlines()
    done("organizations", "settings", *mine, "--colour", "", "--origin", "")
    fewer = done("organizations", "list").splitlines()

    (line,) = [line for line in lines if acme in line]
    for said in ("Acme Ltd", "#3366ff", "Europe/Berlin", "https://app.acme.dev", "localhost:3000"):
        assert said in line
    assert any(other in line and "Other" in line for line in lines)
    (line,) = [line for line in fewer if acme in line]
    assert "Europe/Berlin" in line
    assert "#3366ff" not in line
    assert "acme.dev" not in line
    assert organizations.name_of(store.of(acme)) == "Acme Ltd"
    keys = ("--portal-metadata-key", "model", "--portal-metadata-key", "region")
    assert "model region" in done("organizations", "settings", *mine, *keys)
    assert "model region" in done("organizations", "settings", *mine)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rename", ""], "A name has 1 to 256 characters."),
        (["settings", "--colour", "blue"], "A colour is written as #rrggbb, as in #3366ff."),
        (["settings", "--time-zone", "Europe"], "Unknown time zone; use an IANA name such as"),
        (["settings", "--time-zone", "Mars/Phobos"], "Unknown time zone; use an IANA name such as"),
        (["settings", "--time-zone", "../etc"], "Unknown time zone; use an IANA name such as"),
        (["settings", "--origin", "https://a.dev/path"], "https://a.dev/path is not an origin"),
        (["settings", "--origin", "*"], "* is not an origin"),
        (["settings", "--portal-metadata-key", "k" * 41], "A key has 1 to 40 characters."),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(
    store: Store, arguments: list[str], said: str
) -> None:
    acme = done("organizations", "create", "Acme")
    assert said in refused("organizations", *arguments, "--organization", acme)


def test_an_organization_that_does_not_exist_has_no_settings(store: Store) -> None:
    nobody = ("--organization", "nobody")
    assert "nobody" in refused("organizations", "settings", *nobody, "--colour", "")
    assert "nobody" in refused("organizations", "rename", "N", *nobody)


def test_the_audit_of_the_running_service_is_of_its_own_organization(
    new_api: NewApi, local: str
) -> None:
    new_api().customer("user@example.com")

    result = aureon("--local", "audit", "--no-projection")

    assert result.exit_code == 0
    assert result.stderr.startswith("Ledgers: 0 clean,")
