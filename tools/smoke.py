"""Try on a deployed stack what no local engine can show: ``make smoke URL=… TOKEN=…``.

For the first real account, in less than a quarter of an hour. The token needs every scope. What is
made is named ``smoke``: customers are deleted and meters archived in the end; events stay, so use
an organization of its own.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Final
from urllib.parse import quote

import httpx
import typer
from rich.console import Console

from aureon.api.routes import CUSTOMER_SESSION, ROUTES

# The published clients wait for so long, a cold start included.
MAX_ANSWER_SECONDS: Final = 5.0
REQUEST_SECONDS: Final = 29.0
# How long something may take that follows: an index, the queue, what is projected.
FOLLOW_SECONDS: Final = 120.0
# A backfill waits three minutes for handlers that know older meters.
BACKFILL_SECONDS: Final = 420.0
PAUSE_SECONDS: Final = 0.5
MAX_SHOWN: Final = 300
# What a caller may call a customer, and every gateway should hand over as it is.
ODD_IDS: Final = (
    "team/7",
    "a b",
    "a+b",
    "100%",
    "50%25",
    "é",
    "e\u0301",
    "a:b",
    "a&b=c",
    "a;b",
    "~",
)
# What takes an external id as a query parameter, where none is odd.
BY_EXTERNAL_ID: Final = ("/v1/customers/external", "/v1/customers/state")
# What is read of a customer alone, whom the query names.
BY_CUSTOMER: Final = ("/v1/credits/grants", "/v1/credits/holds")
OF_ONE_CUSTOMER: Final = (*BY_EXTERNAL_ID, *BY_CUSTOMER)
# Where a gateway might cut a path.
CUTTING: Final = ("?old", "#old")


class Broken(Exception):
    """Something does not hold; the message says what was expected and what came."""


@dataclass
class Smoke:
    """A caller of the stack, and what it has made there."""

    api: httpx.Client
    run: str = field(default_factory=lambda: f"smoke-{uuid.uuid4().hex[:8]}")
    meters: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, status: int, **options: Any) -> httpx.Response:
        return self._answered(self.api.build_request(method, path, **options), status)

    def anonymous(self, method: str, path: str, **options: Any) -> httpx.Response:
        """What a caller without a token is told, who is refused."""
        request = self.api.build_request(method, path, **options)
        del request.headers["Authorization"]
        return self._answered(request, 401)

    def _answered(self, request: httpx.Request, status: int) -> httpx.Response:
        answer = self.api.send(request)
        if answer.status_code != status:
            asked = f"{request.method} {request.url.path}"
            told = answer.text[:MAX_SHOWN]
            raise Broken(f"{asked}: {answer.status_code}, not {status}: {told}")
        return answer

    def meter(self, event_name: str) -> str:
        """Make a meter of the units of all events with this name."""
        clause = {"property": "name", "operator": "eq", "value": event_name}
        body = {
            "name": event_name,
            "filter": {"conjunction": "and", "clauses": [clause]},
            "aggregation": {"func": "sum", "property": "units"},
        }
        made: str = self.ask("POST", "/v1/meters/", 201, json=body).json()["id"]
        self.meters.append(made)
        return made

    def customer(self, external_id: str) -> str:
        body = {"email": f"{uuid.uuid4().hex}@example.com", "external_id": external_id}
        made: str = self.ask("POST", "/v1/customers/", 201, json=body).json()["id"]
        self.customers.append(made)
        return made

    def event(self, name: str, customer_id: str, units: int, **more: Any) -> dict[str, Any]:
        return {"name": name, "customer_id": customer_id, "metadata": {"units": units}, **more}

    def ingest(self, *events: dict[str, Any], **headers: str) -> Any:
        body = {"events": events}
        return self.ask("POST", "/v1/events/ingest", 200, json=body, headers=headers).json()

    def balance(self, customer_id: str, meter_id: str) -> Any:
        """What a customer's state says of a meter; None where it says nothing."""
        state = self.ask("GET", f"/v1/customers/{customer_id}/state", 200).json()
        found = [one["balance"] for one in state["active_meters"] if one["meter_id"] == meter_id]
        return found[0] if found else None

    def follows(self, what: str, reached: Callable[[], bool], seconds: float) -> str:
        """Wait until something is so, and say how long that took."""
        started = time.monotonic()
        while not reached():
            if time.monotonic() - started > seconds:
                raise Broken(f"not within {seconds:.0f} s: {what}")
            time.sleep(PAUSE_SECONDS)
        return f"{what} after {time.monotonic() - started:.1f} s"

    def clean(self) -> None:
        for meter_id in self.meters:
            self.ask("PATCH", f"/v1/meters/{meter_id}", 200, json={"is_archived": True})
        for customer_id in self.customers:
            # What a check has deleted is gone.
            self.api.delete(f"/v1/customers/{customer_id}")


def routes_and_cold_starts(smoke: Smoke) -> str:
    """Every route, with a slash at its end and without, is answered by its function, in time.

    The first answer of a function is a cold start's, unless somebody has called it before. Bodies
    are no objects, so that nothing is changed.
    """
    seconds: dict[str, list[float]] = {}
    for route in ROUTES:
        path = re.sub(r"\{(\w+)\}", rf"{smoke.run}-nothing", route.path).rstrip("/")
        for form in dict.fromkeys((path or "/", f"{path}/")):
            body: list[Any] | None = [] if route.method in ("POST", "PATCH") else None
            answer = smoke.api.request(route.method, form, json=body)
            if "x-request-id" not in answer.headers or answer.status_code >= 500:
                raise Broken(
                    f"{route.method} {form} was not answered by {route.handler}: "
                    f"{answer.status_code} {answer.text[:MAX_SHOWN]}"
                )
            seconds.setdefault(route.handler, []).append(answer.elapsed.total_seconds())
    slowest = max(seconds, key=lambda handler: seconds[handler][0])
    first = seconds[slowest][0]
    if first > MAX_ANSWER_SECONDS:
        raise Broken(f"{slowest} took {first:.1f} s at first: clients wait {MAX_ANSWER_SECONDS} s")
    warm = sorted(one for took in seconds.values() for one in took[1:])
    return (
        f"{len(ROUTES)} routes in both forms; first answers within {first:.2f} s ({slowest}), "
        f"later ones {warm[len(warm) // 2]:.2f} s"
    )


def refusals(smoke: Smoke) -> str:
    """Without a token and with a wrong one a caller is told so, and how to do better."""
    found = set()
    wrong = {"Authorization": "Bearer aureon_oat_wrong"}
    for answer, error in (
        (smoke.anonymous("GET", "/v1/customers/"), "Unauthorized"),
        (smoke.ask("GET", "/v1/customers/", 401, headers=wrong), "invalid_token"),
    ):
        if answer.json().get("error") != error:
            raise Broken(f"the body of a 401 is not Aureon's: {answer.text[:MAX_SHOWN]}")
        challenges = [name for name in answer.headers if name.endswith("www-authenticate")]
        if not challenges:
            raise Broken("a 401 has no WWW-Authenticate, under this name or the gateway's")
        found.update(challenges)
    return f"the challenge of a 401 comes as {', '.join(sorted(found))}"


def reads(smoke: Smoke) -> str:
    """Every list may be read under the role of its function."""
    lists = [
        route.path
        for route in ROUTES
        if route.method == "GET"
        and "{" not in route.path
        and route.path not in OF_ONE_CUSTOMER
        and route.scope != CUSTOMER_SESSION
    ]
    for path in lists:
        smoke.ask("GET", path, 200)
    return f"{len(lists)} paths answer 200"


def transactions(smoke: Smoke) -> str:
    """Events count once, and credits are spent and held, each in a transaction under its role."""
    name = f"{smoke.run}-credits"
    meter_id, customer_id = smoke.meter(name), smoke.customer(f"{smoke.run}-credits")
    for path in BY_CUSTOMER:
        smoke.ask("GET", f"{path}?customer_id={customer_id}", 200)
    grant = smoke.event(name, customer_id, -10, external_id=f"{smoke.run}-grant")
    for inserted in (1, 0):
        told = smoke.ingest(grant)
        if told["inserted"] != inserted:
            raise Broken(f"an event with an id that is sent twice: {told}")
    keyed = [smoke.event(name, customer_id, 1, external_id=f"{smoke.run}-{n}") for n in range(50)]
    free = [smoke.event(name, customer_id, -1) for _ in range(50)]
    for _ in range(2):
        smoke.ingest(*keyed, *free, **{"Idempotency-Key": f"{smoke.run}-key"})
    spend = smoke.event(name, customer_id, 3, external_id=f"{smoke.run}-spend")
    for _ in range(2):
        smoke.ask("POST", "/v1/credits/spend", 200, json=spend)
    smoke.ask("POST", "/v1/credits/spend", 402, json=smoke.event(name, customer_id, 8))
    for end, units in (("capture", 2), ("release", 0)):
        body = smoke.event(name, customer_id, 4, external_id=f"{smoke.run}-{end}")
        hold = smoke.api.post("/v1/credits/holds", json=body).raise_for_status().json()["id"]
        outcome = {"metadata": {"units": units}} if end == "capture" else {}
        smoke.api.post(f"/v1/credits/holds/{hold}/{end}", json=outcome).raise_for_status()
    balance = smoke.balance(customer_id, meter_id)
    if balance != -5:
        raise Broken(f"the balance is {balance}, not -5")
    return "ids, a key, a spend, a refusal, a hold captured and one released leave a balance of -5"


def index(smoke: Smoke) -> str:
    """Who holds a meter is found by the table's index."""
    name = f"{smoke.run}-index"
    meter_id, customer_id = smoke.meter(name), smoke.customer(f"{smoke.run}-index")
    smoke.ingest(smoke.event(name, customer_id, 1))

    def listed() -> bool:
        answer = smoke.ask("GET", "/v1/customer-meters/", 200, params={"meter_id": meter_id})
        return [one["customer_id"] for one in answer.json()["items"]] == [customer_id]

    return smoke.follows("the customer is listed by its meter", listed, FOLLOW_SECONDS)


def projection(smoke: Smoke) -> str:
    """The projector follows the table's stream."""
    name = f"{smoke.run}-projection"
    smoke.ingest(smoke.event(name, smoke.customer(f"{smoke.run}-projection"), 1))

    def shown() -> bool:
        answer = smoke.ask("GET", "/v1/events/names", 200, params={"query": name})
        return name in [one["name"] for one in answer.json()["items"]]

    return smoke.follows("the event's name is listed", shown, FOLLOW_SECONDS)


def queue(smoke: Smoke) -> str:
    """The gateway sends to the queue by itself, and the consumer counts it, once."""
    name = f"{smoke.run}-queue"
    meter_id, customer_id = smoke.meter(name), smoke.customer(f"{smoke.run}-queue")
    body = {"events": [smoke.event(name, customer_id, 5)]}
    for form in ("/v1/events/queue", "/v1/events/queue/"):
        key = {"Idempotency-Key": f"{smoke.run}-queue"}
        smoke.ask("POST", form, 202, json=body, headers=key)
    smoke.anonymous("POST", "/v1/events/queue", json=body)
    counted = smoke.follows(
        "the message counts", lambda: smoke.balance(customer_id, meter_id) == 5, FOLLOW_SECONDS
    )
    return f"{counted}, once for its key"


def odd_ids(smoke: Smoke) -> str:
    """A path with an odd id leads to its own customer, and never to another."""
    for odd in ODD_IDS:
        external_id = f"{smoke.run}/{odd}"
        customer_id = smoke.customer(external_id)
        for suffix in ("", "/state"):
            path = f"/v1/customers/external/{quote(external_id, safe='')}{suffix}"
            found = smoke.ask("GET", path, 200).json()["id"]
            if found != customer_id:
                raise Broken(f"{path} leads to another customer")
    for odd in (*ODD_IDS, *CUTTING):
        external_id = f"{smoke.run}-query/{odd}"
        customer_id = smoke.customer(external_id)
        for path in BY_EXTERNAL_ID:
            answer = smoke.ask("GET", path, 200, params={"external_id": external_id})
            if answer.json()["id"] != customer_id:
                raise Broken(f"{path} with external_id={external_id} leads to another customer")
    victim = f"{smoke.run}-victim"
    customer_id = smoke.customer(victim)
    for cutting in CUTTING:
        path = f"/v1/customers/external/{quote(victim + cutting, safe='')}"
        for method, body in (("GET", None), ("PATCH", {"name": "Hit"}), ("DELETE", None)):
            answer = smoke.api.request(method, path, json=body)
            if answer.is_success:
                raise Broken(f"{method} {path} reaches the customer {victim}")
    kept = smoke.ask("GET", f"/v1/customers/{customer_id}", 200).json()
    if kept["name"] is not None:
        raise Broken(f"a path with an id that goes on behind it has changed {victim}")
    return f"{len(ODD_IDS)} odd ids lead to their customers, those with ? and # to nobody else"


def tokens(smoke: Smoke) -> str:
    """A token is made and revoked under the one role that may."""
    made = smoke.ask("POST", "/v1/tokens/", 201, json={"scopes": ["meters:read"]}).json()
    own = {"Authorization": f"Bearer {made['token']}"}
    smoke.ask("GET", "/v1/meters/", 200, headers=own)
    smoke.ask("DELETE", f"/v1/tokens/{made['id']}", 204)
    return "one was made, used and revoked"


def past(smoke: Smoke) -> str:
    """A new meter counts what came before it, under the backfill's role."""
    name = f"{smoke.run}-past"
    customer_id = smoke.customer(f"{smoke.run}-past")
    smoke.ingest(smoke.event(name, customer_id, 7))
    meter_id = smoke.meter(name)

    def complete() -> bool:
        found = smoke.ask("GET", f"/v1/meters/{meter_id}", 200).json()["backfill"]["complete"]
        return bool(found) and smoke.balance(customer_id, meter_id) == 7

    return smoke.follows("the past is counted", complete, BACKFILL_SECONDS)


# Cold starts first, and what takes longest last.
CHECKS: Final = (
    routes_and_cold_starts,
    refusals,
    reads,
    transactions,
    odd_ids,
    tokens,
    index,
    queue,
    projection,
    past,
)


def run(
    api: httpx.Client, checks: tuple[Callable[[Smoke], str], ...] = CHECKS
) -> Iterator[tuple[str, bool, str]]:
    """Make each check: its name, whether it holds, and what was found."""
    smoke = Smoke(api)
    try:
        for check in checks:
            try:
                yield check.__name__, True, check(smoke)
            except (Broken, httpx.HTTPError, KeyError, ValueError) as error:
                yield check.__name__, False, f"{type(error).__name__}: {error}"
    finally:
        smoke.clean()


@contextmanager
def client(url: str, token: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=REQUEST_SECONDS) as made:
        yield made


def main(
    url: Annotated[str, typer.Argument(help="Where the stack is: its output ApiUrl.")],
    token: Annotated[str, typer.Option(envvar="AUREON_ACCESS_TOKEN")],
) -> None:
    """Try on a deployed stack what no local engine can show."""
    console = Console(highlight=False, soft_wrap=True)
    failed = 0
    with client(url, token) as api:
        for name, holds, found in run(api):
            failed += not holds
            mark = "[green]✓[/]" if holds else "[red]✗[/]"
            console.print(f"{mark} {name.replace('_', ' ')}:", end=" ")
            console.print(found, markup=False)
    if failed:
        console.print(f"{failed} of {len(CHECKS)} do not hold.")
        raise typer.Exit(1)
    console.print("All of it holds.")


if __name__ == "__main__":
    typer.run(main)
