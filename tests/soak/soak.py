"""A soak from its beginning to its end: the service, the workers, the audit, the report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from aureon.audit.ledger_audit import Audit
from aureon.storage import queue, store
from aureon.storage.queue import Queue
from aureon.storage.store import Store
from aureon_cli.engine import CREDENTIALS
from tests.contract.clients import ROOT
from tests.soak.books import Books, Count, Meter
from tests.soak.workers import (
    CREDITS,
    GHOSTS,
    PREPAID,
    SHARED,
    USAGE,
    Maker,
    Producer,
    Reader,
    Sender,
    Spender,
    Worker,
)
from tests.support.local_service import Run, Service, clean_environment

PRODUCERS: Final = 3
SPENDERS: Final = 2
FIRST_METERS: Final = (*((name, "sum") for name in (*USAGE, CREDITS)), (USAGE[0], "count"))
# So many meters are made while the rest goes on.
METERS: Final = 6
# Deliveries that fail are made again soon, and what is left in the queue is gone in time.
HIDDEN_SECONDS: Final = 2
DRAIN_SECONDS: Final = 240.0
# The engine saves all that there is when it ends.
STOP_SECONDS: Final = 240.0
# What the service may hold more in the end than in the middle; less time than this tells nothing.
GROWTH: Final = 1.10
TELLING_SECONDS: Final = 120.0
MEGABYTE: Final = 1024 * 1024
Say = Callable[[str], None]


@dataclass
class Soak:
    """A soak of so many seconds.

    `meddle` is a test's own: it may break what the end must show of the first meters.
    """

    seconds: float
    seed: int
    folder: Path
    say: Say = print
    meddle: Callable[[Store, str, Sequence[Meter]], None] = lambda *_: None
    books: Books = field(default_factory=Books)
    memory: dict[str, int] = field(default_factory=dict)

    def run(self) -> list[str]:
        """Soak, and return what was broken."""
        self.say(f"Soaking for {self.seconds:g} seconds, with seed {self.seed}.")
        with self._service() as (run, tell):
            service = run.ready()
            notice = json.loads((run.data / "engine.json").read_text())
            messages = self._queue(notice, "queue_url")
            maker = self._prepare(service)
            tell("trouble")
            self._work(service, messages, maker, tell)
            struck: Mapping[str, int] = tell("calm")
            self._drain(messages, self._queue(notice, "dead_letter_queue_url"))
            self._measure("end", tell)
            ledger = Store(store.connect(notice["endpoint_url"], **CREDENTIALS), notice["table"])
            self.meddle(ledger, service.organization_id, maker.meters[: maker.kept])
            self._compare(service, maker)
            self._report(struck, self._audit(ledger, service.organization_id))
        return self.books.broken

    @contextmanager
    def _service(self) -> Iterator[tuple[Run, Callable[[str], Any]]]:
        """The service in a process of its own, and how to tell it something."""
        self.folder.mkdir(parents=True, exist_ok=True)
        reading, writing = os.pipe()
        data, log = self.folder / "data", self.folder / "log"
        with log.open("wb") as output, os.fdopen(reading) as replies:
            process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "tests.soak.service"),
                    *(str(self.seed), str(writing), str(data)),
                ],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[writing],
                cwd=ROOT,
                env=clean_environment(),
                start_new_session=True,
            )
            os.close(writing)

            def tell(what: str) -> Any:
                assert process.stdin is not None
                process.stdin.write(f"{what}\n".encode())
                process.stdin.flush()
                return json.loads(replies.readline())

            run = Run(process, data, log)
            try:
                yield run, tell
            finally:
                process.terminate()
                process.wait(STOP_SECONDS)

    def _queue(self, notice: Mapping[str, str], name: str) -> Queue:
        client = queue.connect(notice["endpoint_url"], **CREDENTIALS)
        return Queue(client, notice[name])

    def _worker(self, kind: type[Any], name: str, service: Service, **more: Any) -> Any:
        return kind(
            service.url,
            service.token,
            self.books,
            self._stop,
            self._ends_at,
            f"{self.seed}/{name}",
            **more,
        )

    def _prepare(self, service: Service) -> Maker:
        """Make the first meters and the customers, and give credits to those that prepay."""
        self._stop = threading.Event()
        self._ends_at = time.monotonic() + self.seconds
        maker: Maker = self._worker(
            Maker,
            "maker",
            service,
            pause_seconds=self.seconds / (METERS + 1),
            kept=len(FIRST_METERS),
        )
        for name, function in FIRST_METERS:
            maker.make(name, function)
        self._owners = tuple(f"own-{number}" for number in range(PRODUCERS))
        for customer in (*SHARED, *PREPAID, *self._owners):
            maker.customer(customer)
        for customer in PREPAID:
            for with_terms in (False, True):
                maker.grant(customer, with_terms=with_terms)
        return maker

    def _work(
        self, service: Service, messages: Queue, maker: Maker, tell: Callable[[str], Any]
    ) -> None:
        messages.client.set_queue_attributes(
            QueueUrl=messages.url, Attributes={"VisibilityTimeout": str(HIDDEN_SECONDS)}
        )
        first = tuple(maker.meters)
        organization = {"queue": messages, "organization_id": service.organization_id}
        workers: list[Worker] = [
            maker,
            self._worker(Sender, "sender", service, **organization),
            self._worker(Reader, "reader", service),
            *(self._worker(Spender, f"spender-{n}", service) for n in range(SPENDERS)),
            *(
                self._worker(Producer, f"producer-{n}", service, own=own, meters=first)
                for n, own in enumerate(self._owners)
            ),
        ]
        threads = [threading.Thread(target=worker.work) for worker in workers]
        began = time.monotonic()
        self._ends_at = began + self.seconds
        for thread in threads:
            thread.start()
        for name, share in (("start", 0.1), ("middle", 0.5), ("", 1.0)):
            self._stop.wait(max(0.0, began + share * self.seconds - time.monotonic()))
            if name:
                self._measure(name, tell)
        self._stop.set()
        for thread in threads:
            thread.join()
        self._took = time.monotonic() - began

    def _measure(self, moment: str, tell: Callable[[str], Any]) -> None:
        self.memory[moment] = tell("memory")
        events = self.books.figures["events"]
        self.say(f"{moment}: {events:,} events, {self.memory[moment] // MEGABYTE:,} MB")

    def _drain(self, messages: Queue, dead: Queue) -> None:
        """Let the consumer take what is in the queue; only what is wrong may be left to die."""

        def waiting(which: Queue) -> int:
            found = which.client.get_queue_attributes(
                QueueUrl=which.url,
                AttributeNames=[
                    "ApproximateNumberOfMessages",
                    "ApproximateNumberOfMessagesNotVisible",
                ],
            )
            return sum(map(int, found["Attributes"].values()))

        deadline = time.monotonic() + DRAIN_SECONDS
        while waiting(messages) and time.monotonic() < deadline:
            time.sleep(0.2)
        self.books.demand(waiting(messages) == 0, "The queue is emptied")
        died, wrong = waiting(dead), self.books.figures["wrong messages"]
        self.books.demand(died == wrong, "Wrong messages die, and no others", died, wrong)

    def _compare(self, service: Service, maker: Maker) -> None:
        """Compare every balance with the books: nothing lost, nothing double."""
        incomplete = 0
        for customer in (*SHARED, *GHOSTS, *PREPAID, *self._owners):
            maker.customer(customer)
            state = maker.expect("GET", f"/v1/customers/external/{customer}/state")
            found = {meter["meter_id"]: meter for meter in state["active_meters"]}
            for meter in maker.meters:
                if meter.id in maker.archived:
                    continue
                balance = found.get(meter.id, {"balance": Decimal(0), "complete": True})
                if balance["complete"]:
                    lapsed = balance.get("expired_units", 0)
                    self._balance(customer, meter, balance["balance"], lapsed)
                else:
                    incomplete += 1
        self.books.note("balances that still counted the past", incomplete)

    def _balance(self, customer: str, meter: Meter, found: Decimal, lapsed: Decimal | int) -> None:
        self.books.note("balances compared")
        wanted = meter.expects(self.books.counts.get((customer, meter.event_name), Count()))
        self.books.demand(
            found == wanted + lapsed,
            "Nothing is lost, nothing counts twice",
            customer,
            meter,
            f"{found} for {wanted}, of which {lapsed} lapsed",
        )
        if meter.event_name == CREDITS:
            self.books.demand(found <= 0, "Nobody overspends", customer, found)

    def _audit(self, ledger: Store, organization_id: str) -> Audit:
        audit = Audit(ledger.of(organization_id))
        for outcome in audit.of_organization():
            self.books.demand(
                outcome.status == "clean",
                "Every balance is the sum of its log",
                outcome.ledger_id,
                outcome.status,
                outcome.differences or outcome.reason,
            )
        return audit

    def _report(self, struck: Mapping[str, int], audited: Audit) -> None:
        figures = self.books.figures
        start, middle, end = (self.memory[name] for name in ("start", "middle", "end"))
        if self.seconds >= TELLING_SECONDS:
            self.books.demand(
                end <= GROWTH * middle,
                f"The service holds at most {GROWTH:g} times what it held in the middle",
                end,
                middle,
            )
        rows = {
            **{name: f"{number:,}" for name, number in sorted(figures.items())},
            "events a second": f"{figures['events'] / self._took:,.0f}",
            **{f"a call {fault}": f"{number:,}" for fault, number in sorted(struck.items())},
            "ledgers audited": f"{audited.compared:,}",
            "pages audited": f"{audited.pages:,}",
            "memory, MB": " → ".join(f"{at / MEGABYTE:,.0f}" for at in (start, middle, end)),
            "an ingestion, p50": f"{self.books.ingestions.percentile(0.5) * 1000:,.0f} ms",
            "an ingestion, p99": f"{self.books.ingestions.percentile(0.99) * 1000:,.0f} ms",
            "broken promises": f"{len(self.books.broken):,}",
        }
        for name, shown in rows.items():
            self.say(f"{name:40} {shown:>20}")
        self.say(
            f"{PRODUCERS} producers, {SPENDERS} spenders, a sender to the queue, a reader and a "
            f"maker of meters, on {os.cpu_count()} cores that they share with the service and its "
            "engine. Times are a producer's, until the outcome is known: tries and faults are in "
            "them. Memory is the service's process, after a collection."
        )
        for broken in self.books.broken:
            self.say(f"BROKEN {broken}")
