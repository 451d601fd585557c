"""``aureon ingest``: every line counts once, whatever comes between, or is reported and why."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner, Result

from aureon.core import exact, times
from aureon.core.retry import Backoff
from aureon.storage import queue
from aureon.storage.queue import Queue
from aureon_cli.engine import Engine
from aureon_cli.main import app
from aureon_cli.transfer import batches, http_api, sending
from aureon_cli.transfer.journal import Journal
from tests.integration.conftest import NewApi
from tests.support.deliveries import Queues
from tests.support.faults import Crash
from tests.support.handlers import Api
from tests.support.makers import usage
from tests.support.recount import assert_conserved, stored

URL = "http://aureon.test"
LINES_IN_BATCH = 3
ENOUGH_SECONDS = 30.0

Fault = Callable[[], httpx.Response | None]


@dataclass
class Network:
    """The network between the command and the real handlers: numbers requests, and loses some.

    `before` and `after` say what happens to the request with a number, from 0: before it reaches
    its handler, and before its answer is back. Once the command `is_dead`, it sends nothing more.
    """

    api: Api
    before: dict[int, Fault] = field(default_factory=dict)
    after: dict[int, Fault] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    is_dead: bool = False

    def handle(self, request: httpx.Request) -> httpx.Response:
        if self.is_dead:
            raise Crash
        if request.method == "GET":
            path, _, query = request.url.raw_path.decode().partition("?")
            reply = self.api.request("GET", path, query=query)
            return httpx.Response(reply.status, headers=reply.headers, text=reply.text)
        with self.lock:
            number = len(self.keys)
            self.keys.append(request.headers["Idempotency-Key"])
        answer = self.before.get(number, _nothing)()
        if answer is not None:
            return answer
        caller = replace(self.api, token=request.headers["Authorization"].removeprefix("Bearer "))
        reply = caller.request(
            request.method,
            request.url.path,
            request.content,
            {"Idempotency-Key": self.keys[number]},
        )
        answer = self.after.get(number, _nothing)()
        return answer or httpx.Response(reply.status, headers=reply.headers, text=reply.text)

    def forget(self) -> None:
        self.before.clear()
        self.after.clear()
        self.keys.clear()
        self.is_dead = False


def _nothing() -> None:
    return None


def crash() -> None:
    raise Crash


def lose() -> None:
    raise httpx.ReadTimeout("The read operation timed out")


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def answer_and_press_ctrl_c() -> httpx.Response:
    press_ctrl_c()
    return httpx.Response(503, headers={"Retry-After": "60"}, text="{}")


def answering(status: int, **headers: str) -> Fault:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: httpx.Response(status, headers=names, text="{}")


@pytest.fixture
def network(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    """The API under a URL, with a meter that counts; the command's batches are small."""
    for name in ("AUREON_URL", "AUREON_ACCESS_TOKEN", queue.INGESTION):
        monkeypatch.delenv(name, raising=False)
    network = Network(api)
    monkeypatch.setattr(
        httpx.HTTPTransport, "handle_request", lambda transport, request: network.handle(request)
    )
    monkeypatch.setattr(batches, "MAX_EVENTS_PER_REQUEST", LINES_IN_BATCH)
    monkeypatch.setattr(http_api, "BACKOFF", Backoff(0.0))
    api.meter()
    yield network
    assert_conserved(api.store)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "events.jsonl"


def write(file: Path, *lines: Any) -> None:
    """Write lines: events, or texts as they are."""
    with file.open("ab") as output:
        for line in lines:
            output.write((line if isinstance(line, bytes) else exact.write(line)) + b"\n")


def events(number: int) -> list[dict[str, Any]]:
    return [usage(1) for _ in range(number)]


def ingested(api: Api, *arguments: str, code: int = 0, text: bytes | None = None) -> Result:
    """Run the command on ``events.jsonl``, or on what is given."""
    given = arguments if text is not None else ("events.jsonl", *arguments)
    result = CliRunner().invoke(
        app, ["ingest", *given, "--url", URL, "--token", str(api.token)], input=text
    )
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def total(api: Api) -> Any:
    return sum(sums[0] for sums in stored(api.store).values())


def rejected(file: Path) -> dict[int, tuple[str, Any]]:
    """The lines that were rejected, by number: why, and what they were."""
    found = {}
    for text in report(file).read_bytes().splitlines():
        line = exact.parse(text)
        assert line["line"] not in found
        found[line["line"]] = (line["error"], line["event"])
    return found


def report(file: Path) -> Path:
    return file.with_name(file.name + ".aureon-rejected.jsonl")


def progress(file: Path) -> Path:
    return file.with_name(file.name + ".aureon-progress")


def test_every_line_counts_once(network: Network, api: Api, file: Path) -> None:
    write(file, *events(10))

    result = ingested(api)

    assert result.stdout == "inserted 10, duplicates 0, conflicts 0, rejected 0\n"
    assert result.stderr == ""
    assert total(api) == 10
    assert len(set(network.keys)) == len(network.keys) == 4


def test_numbers_arrive_as_they_were_written(network: Network, api: Api, file: Path) -> None:
    text = exact.write(usage(0)).replace(b'"units":0', b'"units":123456789012345.123456789')
    write(file, text, text)

    ingested(api)

    assert str(total(api)) == "246913578024690.246913578"


def test_a_second_run_sends_nothing_and_says_the_same(
    network: Network, api: Api, file: Path
) -> None:
    write(file, *events(10), b"{")
    first = ingested(api, code=1)
    network.forget()

    second = ingested(api, code=1)

    assert second.output == first.output
    assert network.keys == []
    assert total(api) == 10


def test_a_second_run_that_remembers_nothing_counts_nothing_twice(
    network: Network, api: Api, file: Path
) -> None:
    write(file, *events(10), b"{")
    first = ingested(api, code=1)
    keys = set(network.keys)
    progress(file).unlink()
    network.forget()

    second = ingested(api, code=1)

    assert second.output == first.output
    assert set(network.keys) == keys
    assert total(api) == 10


def test_duplicates_are_counted_and_conflicts_reported(
    network: Network, api: Api, file: Path
) -> None:
    write(
        file,
        usage(1, external_id="e1"),
        usage(1, external_id="e1"),
        usage(2, external_id="e1"),
    )

    result = ingested(api, code=1)

    assert result.stdout == "inserted 1, duplicates 2, conflicts 1, rejected 0\n"
    assert rejected(file) == {
        3: (
            "An event with this external_id counted before, with other content.",
            usage(2, external_id="e1"),
        )
    }
    network.forget()
    assert ingested(api, code=1).stdout == result.stdout


@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(6))
def test_a_run_that_died_is_completed_by_the_next(
    network: Network, api: Api, file: Path, number: int, moment: str, parallel: int
) -> None:
    """At any request, sent or not; what another thread has written since is lost as well."""
    write(file, *events(7), b"{", *events(4), usage(1, customer_id="nobody"), *events(3))
    kept: dict[Path, bytes] = {}

    def die() -> None:
        network.is_dead = True
        for path in (progress(file), report(file)):
            kept[path] = path.read_bytes() if path.exists() else b""
        raise Crash

    getattr(network, moment)[number] = die
    with pytest.raises(Crash):
        ingested(api, "--parallel", str(parallel))
    for path, content in kept.items():
        path.write_bytes(content)
    network.forget()

    result = ingested(api, "--parallel", str(parallel), code=1)

    assert total(api) == 14
    assert result.stdout == "inserted 14, duplicates 0, conflicts 0, rejected 2\n"
    assert rejected(file).keys() == {8, 13}


@pytest.mark.parametrize("parallel", [1, 3])
@pytest.mark.parametrize("number", range(4))
def test_after_ctrl_c_the_same_command_goes_on(
    network: Network, api: Api, file: Path, number: int, parallel: int
) -> None:
    """What was under way is finished, and not sent again."""
    write(file, *events(30))
    network.after[number] = press_ctrl_c

    result = ingested(api, "--parallel", str(parallel), code=130)

    assert result.stderr == (
        "aureon: Stopped. The same command continues from here, and counts nothing twice.\n"
    )
    assert 0 < total(api) < 30
    sent = set(network.keys)
    network.forget()

    result = ingested(api, "--parallel", str(parallel))

    assert result.stdout == "inserted 30, duplicates 0, conflicts 0, rejected 0\n"
    assert total(api) == 30
    assert not sent & set(network.keys)


def test_a_ctrl_c_ends_the_waiting_for_a_busy_service(
    network: Network, api: Api, file: Path
) -> None:
    write(file, *events(6))
    network.before[0] = answering(503, Retry_After="60")
    network.before[1] = answer_and_press_ctrl_c

    ingested(api, "--parallel", "2", code=130)

    assert total(api) == 0
    ingested(api)
    assert total(api) == 6


def test_bad_lines_are_reported_and_their_neighbours_count(
    network: Network, api: Api, file: Path
) -> None:
    write(
        file,
        usage(1),
        b"nope",
        usage(2),
        b"",
        {"name": "api_usage"},
        usage(4),
        b'"\xff"',
        usage(8, metadata={"units": [], "more": None}),
        [usage(16)],
        b"null",
        {"name": "", "external_customer_id": "", "metadata": {"units": 1}},
        usage(32, timestamp="tomorrow"),
    )

    result = ingested(api, code=1)

    assert result.stdout == "inserted 3, duplicates 0, conflicts 0, rejected 8\n"
    assert result.stderr == (
        "aureon: Lines were rejected; events.jsonl.aureon-rejected.jsonl says why.\n"
    )
    assert total(api) == 7
    found = rejected(file)
    assert found.keys() == {2, 5, 7, 8, 9, 10, 11, 12}
    assert found[2][0].startswith("This is not JSON: ")
    assert found[2][1] == "nope"
    assert found[5][0].startswith("customer_id: ")
    assert found[8][0].startswith("metadata.units: ")
    assert found[9][1] == [usage(16)]
    assert "name: " in found[11][0]
    assert "external_customer_id: " in found[11][0]
    assert found[12][0].startswith("timestamp: ")


def test_what_the_service_warns_of_is_said_with_the_line(
    network: Network, api: Api, file: Path
) -> None:
    """As of a string that a meter counts since the command has looked at the meters."""
    write(file, b"{", usage(1), usage("2"))
    warning = {
        "type": "string_for_number",
        "loc": ["body", "events", 1, "metadata", "units"],
        "msg": "This string counts as nothing.",
    }
    answer = {"inserted": 2, "duplicates": 0, "warnings": [warning]}
    network.before[0] = lambda: httpx.Response(200, json=answer)

    result = ingested(api, "--text-is-text", code=1)

    assert result.stdout == "inserted 2, duplicates 0, conflicts 0, rejected 1\n"
    assert result.stderr.startswith(
        "aureon: 1 events count as nothing somewhere, the first in line 3: "
        "metadata.units: This string counts as nothing.\n"
    )
    assert rejected(file).keys() == {1}


def test_a_customer_that_is_not_known_is_a_reason(network: Network, api: Api, file: Path) -> None:
    nobody = {"name": "api_usage", "customer_id": "nobody", "metadata": {"units": 1}}
    write(file, nobody, {"name": ""}, usage(1))

    ingested(api, code=1)

    assert rejected(file)[1] == ("customer_id: Customer does not exist.", nobody)
    assert total(api) == 1
    assert len(network.keys) > len(set(network.keys)) == 1, "the key is that of the whole"


def test_a_file_of_nothing_good_is_rejected_line_by_line(
    network: Network, api: Api, file: Path
) -> None:
    write(file, *[b"{" for _ in range(5)])

    ingested(api, code=1)

    assert rejected(file).keys() == {1, 2, 3, 4, 5}
    assert network.keys == []


def test_a_line_is_reported_once_though_the_report_was_the_last_thing_done(
    network: Network, api: Api, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(file, usage(1), b"{", usage(2))
    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(Journal, "finish", lambda *arguments: crash())
        ingested(api)
    assert rejected(file).keys() == {2}

    ingested(api, code=1)

    assert rejected(file).keys() == {2}
    assert total(api) == 3


def test_a_report_is_kept_until_there_is_more_to_report(
    network: Network, api: Api, file: Path
) -> None:
    """Somebody may be at work on it; the next run begins a report of its own."""
    write(file, b"{", usage(1))
    ingested(api, code=1)
    report(file).write_bytes(b"edited")
    ingested(api, code=1)
    assert report(file).read_bytes() == b"edited"

    file.write_bytes(b"")
    write(file, usage(1))
    progress(file).unlink()
    ingested(api)
    assert not report(file).exists()


@pytest.fixture
def half_done(network: Network, api: Api, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that died when a line had counted without its neighbour, which is good by now."""
    ahead = times.now() + timedelta(minutes=10)
    write(file, usage(1), usage(4, timestamp=times.to_text(ahead)))
    network.after[1] = crash
    with pytest.raises(Crash):
        ingested(api)
    assert total(api) == 1
    network.forget()
    monkeypatch.setattr(times, "now", lambda: ahead)


def test_a_line_that_was_left_out_stays_out(
    half_done: None, network: Network, api: Api, file: Path
) -> None:
    result = ingested(api, code=1)

    assert result.stdout == "inserted 1, duplicates 0, conflicts 0, rejected 1\n"
    assert total(api) == 1
    assert rejected(file)[2][0].startswith("timestamp: ")


def test_where_it_is_forgotten_what_was_left_out_nothing_counts_twice(
    half_done: None, network: Network, api: Api, file: Path
) -> None:
    progress(file).unlink()

    ingested(api, code=1)

    assert total(api) == 1
    reason = "It may have counted before, in a request that left out other lines."
    assert [why for why, _ in rejected(file).values()] == [reason, reason]


def test_what_is_said_of_a_whole_request_is_said_of_each_of_its_lines(
    network: Network, api: Api, file: Path
) -> None:
    most = 999_999_999_999_999
    api.ingest(*[usage(most) for _ in range(1000)])
    write(file, *[usage(most) for _ in range(2)])

    ingested(api, code=1)

    assert rejected(file).keys() == {1, 2}
    assert all(why.startswith("Of the whole request: ") for why, _ in rejected(file).values())


@pytest.mark.parametrize(
    "fault",
    [
        lose,
        answering(429, Retry_After="0"),
        answering(500),
        answering(502),
        answering(503, Retry_After="soon"),
        answering(504),
    ],
)
@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_may_pass_is_tried_again_under_the_same_key(
    network: Network, api: Api, file: Path, moment: str, fault: Fault
) -> None:
    write(file, *events(4))
    faults = getattr(network, moment)
    faults[0] = faults[1] = fault

    ingested(api, "--parallel", "1")

    assert total(api) == 4
    assert sorted(Counter(network.keys).values()) == [1, 3]


def test_a_service_that_asks_for_time_is_given_it(
    network: Network, api: Api, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As much as it asks for, within reason."""
    waited: list[float] = []
    monkeypatch.setattr(threading.Event, "wait", lambda event, timeout=None: waited.append(timeout))
    write(file, usage(1))
    network.before[0] = answering(503, Retry_After="7")
    network.before[1] = answering(429, Retry_After="86400")

    ingested(api, "--parallel", "1")

    assert [seconds for seconds in waited if seconds] == [7, sending.LONGEST_RETRY_AFTER_SECONDS]


def test_a_service_that_is_gone_for_long_ends_the_work_and_the_next_run_goes_on(
    network: Network, api: Api, file: Path
) -> None:
    write(file, *events(9))
    for number in range(1, 1 + http_api.MAX_TRIES):
        network.before[number] = lose

    result = ingested(api, "--parallel", "1", code=1)

    assert result.stdout == "inserted 3, duplicates 0, conflicts 0, rejected 0\n"
    assert result.stderr == (
        f"aureon: {URL} does not answer: The read operation timed out. "
        f"Tried {http_api.MAX_TRIES} times. "
        "The same command continues from here, and counts nothing twice.\n"
    )
    network.forget()
    ingested(api)
    assert total(api) == 9


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answering(401), "does not take this token for events:write."),
        (answering(403), "does not take this token for events:write."),
        (answering(404), "answers 404: {}"),
        (answering(200), "does not answer as Aureon does."),
        (lambda: httpx.Response(200, text="<html>"), "does not answer as Aureon does."),
        (answering(422), "does not answer as Aureon does."),
    ],
)
def test_a_service_that_takes_nothing_ends_the_work(
    network: Network, api: Api, file: Path, answer: Fault, said: str
) -> None:
    write(file, *events(9))
    network.before = dict.fromkeys(range(9), answer)

    result = ingested(api, "--parallel", "1", code=1)

    assert result.stderr == f"aureon: {URL} {said}\n"
    assert len(network.keys) == 1


def test_a_file_that_has_grown_is_gone_on_with(network: Network, api: Api, file: Path) -> None:
    """Also where its last batch was not full, and the next one would have begun earlier."""
    write(file, *events(4))
    ingested(api)
    network.forget()
    write(file, *events(4))

    result = ingested(api)

    assert result.stdout == "inserted 8, duplicates 0, conflicts 0, rejected 0\n"
    assert total(api) == 8
    assert len(network.keys) == 2


def test_a_file_that_grew_while_its_last_batch_was_lost_is_gone_on_with(
    network: Network, api: Api, file: Path
) -> None:
    write(file, *events(4))
    network.after[1] = crash
    with pytest.raises(Crash):
        ingested(api, "--parallel", "1")
    write(file, *events(4))

    ingested(api)

    assert total(api) == 8


@pytest.mark.parametrize("change", [b"x", b""])
def test_a_file_that_has_changed_where_it_was_sent_is_refused(
    network: Network, api: Api, file: Path, change: bytes
) -> None:
    write(file, *events(4))
    ingested(api)
    content = file.read_bytes()
    file.write_bytes(content[:-4] + change)

    result = ingested(api, code=1)

    assert "The first 4 lines of events.jsonl were sent, and have changed since." in result.stderr
    assert total(api) == 4


def test_a_file_that_was_moved_with_its_progress_is_the_same_file(
    network: Network, api: Api, file: Path
) -> None:
    write(file, *events(9))
    network.after[1] = crash
    with pytest.raises(Crash):
        ingested(api, "--parallel", "1")
    moved = file.with_name("moved.jsonl")
    progress(file).rename(progress(moved))
    file.rename(moved)

    CliRunner().invoke(app, ["ingest", str(moved), "--url", URL, "--token", str(api.token)])

    assert total(api) == 9


def test_the_same_lines_in_another_file_are_other_events(
    network: Network, api: Api, file: Path
) -> None:
    write(file, *events(4))
    ingested(api)
    file.rename(file.with_name("other.jsonl"))
    progress(file).unlink()
    other = CliRunner().invoke(
        app, ["ingest", "other.jsonl", "--url", URL, "--token", str(api.token)]
    )

    assert other.exit_code == 0
    assert total(api) == 8


def test_progress_towards_another_organization_is_not_taken_for_this_ones(
    network: Network, api: Api, new_api: NewApi, file: Path
) -> None:
    write(file, *events(4))
    ingested(api)

    said = ingested(new_api(), code=1).stderr

    assert said == (
        "aureon: events.jsonl.aureon-progress belongs to another destination, token or reading of "
        "the file. To send all of it here, move it away.\n"
    )


@pytest.mark.parametrize("content", [b"", b"{}", b'{"version": 1}', b'{"source": 3}'])
def test_a_progress_file_that_makes_no_sense_is_refused(
    network: Network, api: Api, file: Path, content: bytes
) -> None:
    write(file, *events(4))
    progress(file).write_bytes(content)

    assert "was not written by aureon" in ingested(api, code=1).stderr
    assert network.keys == []


def test_a_file_is_sent_by_one_command_at_a_time(network: Network, api: Api, file: Path) -> None:
    write(file, *events(4))
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        said = ingested(api, code=1).stderr
    assert said == "aureon: Another aureon is at work on events.jsonl.\n"


def test_batches_go_out_in_parallel_and_no_more_of_the_file_is_read(
    network: Network, api: Api, file: Path
) -> None:
    """So memory does not grow with the file."""
    write(file, *events(60))
    together = threading.Barrier(4)
    read: list[int] = []

    def meet() -> None:
        together.wait(ENOUGH_SECONDS)
        read.append(json.loads(progress(file).read_bytes())["position"][1])
        together.wait(ENOUGH_SECONDS)

    network.before = dict.fromkeys(range(20), meet)

    ingested(api, "--parallel", "4")

    assert total(api) == 60
    assert read[:4] == [4 * LINES_IN_BATCH] * 4


def test_standard_input_counts_too(network: Network, api: Api, file: Path) -> None:
    write(file, *events(7), b"{")

    result = ingested(api, "-", text=file.read_bytes(), code=1)

    assert result.stdout == "inserted 7, duplicates 0, conflicts 0, rejected 1\n"
    assert rejected(Path("stdin")).keys() == {8}
    assert not progress(file).exists()


def test_standard_input_counts_once_more_when_it_is_sent_once_more(
    network: Network, api: Api, file: Path
) -> None:
    write(file, usage(1), usage(1, external_id="e1"))

    for _ in range(2):
        ingested(api, "-", text=file.read_bytes())

    assert total(api) == 3


def test_standard_input_that_was_interrupted_says_which_lines_were_sent(
    network: Network, api: Api, file: Path
) -> None:
    write(file, *events(30))
    network.after[2] = press_ctrl_c

    result = ingested(api, "-", "--parallel", "1", text=file.read_bytes(), code=130)

    sent = int(total(api))
    assert sent < 30
    assert result.stderr == (
        "aureon: Stopped. Standard input cannot be continued. Every line before line "
        f"{sent + 1} was sent; of the others, some may have been.\n"
    )


def test_an_answer_that_was_lost_on_standard_input_counts_once(
    network: Network, api: Api, file: Path
) -> None:
    write(file, *events(4))
    network.after[0] = lose

    ingested(api, "-", text=file.read_bytes())

    assert total(api) == 4


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["events.jsonl"], 2, "--url"),
        (["events.jsonl", "--url", "aureon.test", "--token", "x"], 2, "--url"),
        (["events.jsonl", "--url", URL], 2, "--token"),
        (["missing.jsonl", "--url", URL, "--token", "x"], 1, "missing.jsonl: No such file"),
        ([".", "--url", URL, "--token", "x"], 1, ".: Is a directory."),
        (["events.jsonl", "--queue", "--organization", "o"], 1, "AUREON_QUEUE_URL"),
        (["events.jsonl", "--queue-url", "http://q/o/q"], 2, "--organization"),
    ],
)
def test_what_is_missing_is_named(
    network: Network, api: Api, file: Path, arguments: list[str], code: int, said: str
) -> None:
    write(file, usage(1))
    result = CliRunner().invoke(app, ["ingest", *arguments])
    assert result.exit_code == code
    assert said in result.stderr


# To the queue.


@pytest.fixture
def queued(
    engine: Engine, network: Network, queues: Queues, api: Api, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Run the command on ``events.jsonl``, towards the queue."""
    for name, value in engine.environment.items():
        monkeypatch.setenv(name, value)

    def queued(code: int = 0) -> Result:
        result = CliRunner().invoke(
            app,
            [
                "ingest",
                "events.jsonl",
                *("--queue-url", queues.ingestion.url),
                *("--organization", api.organization_id),
            ],
        )
        if isinstance(result.exception, Crash):
            raise result.exception
        assert result.exit_code == code, result.output
        return result

    return queued


Queued = Callable[..., Result]


def test_the_queue_takes_batches_as_messages(
    queued: Queued, queues: Queues, api: Api, file: Path
) -> None:
    write(file, *events(7), usage(1, metadata={"units": 1, "text": "\ufffe\uffff\n"}))

    assert queued().stdout == "queued 8, rejected 0\n"

    assert len(queues.deliver()) == 3
    assert total(api) == 8


def test_lines_that_a_consumer_would_refuse_are_rejected_before_they_are_queued(
    queued: Queued, queues: Queues, api: Api, file: Path
) -> None:
    write(file, usage(1), {"name": ""}, usage(2), b"{", usage(4))

    assert queued(code=1).stdout == "queued 3, rejected 2\n"

    assert rejected(file).keys() == {2, 4}
    queues.deliver()
    assert queues.deaths() == []
    assert total(api) == 7


@pytest.mark.parametrize("number", range(3))
def test_messages_that_are_queued_again_after_a_crash_count_once(
    queued: Queued, queues: Queues, api: Api, file: Path, number: int, monkeypatch: Any
) -> None:
    """Though the hour has changed, and what was queued before has been counted meanwhile."""
    write(file, *events(9))
    sent = iter(range(100))

    def die(self: Queue, *arguments: Any) -> None:
        send(self, *arguments)
        if next(sent) == number:
            raise Crash

    send = Queue.send
    with monkeypatch.context() as patch, pytest.raises(Crash):
        patch.setattr(Queue, "send", die)
        queued()
    queues.deliver()
    later = times.now() + timedelta(hours=1)
    monkeypatch.setattr(times, "now", lambda: later)

    assert queued().stdout == "queued 9, rejected 0\n"

    queues.deliver()
    assert total(api) == 9
    assert queues.deaths() == []


def test_a_queue_that_does_not_exist_is_a_sentence(
    queued: Queued, queues: Queues, file: Path
) -> None:
    write(file, usage(1))
    queues.client.delete_queue(QueueUrl=queues.ingestion.url)

    assert queued(code=1).stderr == (
        "aureon: The queue does not exist in this account and region.\n"
    )
    queues.client.create_queue(QueueName=queues.ingestion.url.rpartition("/")[2])
