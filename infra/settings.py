"""What may be chosen at deployment: ``cdk deploy -c snap_start=true``, or ``ARGS`` to make."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from constructs import Node

from aureon.audit.projection_audit import BEHIND_SECONDS

LONGEST_PROJECTION_SECONDS: Final = 60


class WrongSetting(ValueError):
    """A setting that makes no sense, and why."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that is optional is off.

    `stack_name` tells stacks of one account and region apart. `protected` keeps the stack and its
    table from being deleted. `domain` is a name for the API, with the ARN of its certificate in the
    same region; `alarm_email` is where alarms go. `ingest_concurrency` is how many executions of
    the account are kept for requests to `ingest`, which get no more either. `projection_seconds` is
    how long pages gather for the projector where few come. `table` is one that is there, as after a
    restore, with the ARN of its stream: the stack then makes none.
    """

    stack_name: str = "Aureon"
    protected: bool = True
    snap_start: bool = False
    tracing: bool = False
    ingest_concurrency: int | None = None
    projection_seconds: int = 30
    domain: str | None = None
    certificate: str | None = None
    alarm_email: str | None = None
    table: str | None = None
    stream: str | None = None

    def __post_init__(self) -> None:
        if bool(self.domain) != bool(self.certificate):
            raise WrongSetting("A domain needs the ARN of its certificate, and the other way.")
        if bool(self.table) != bool(self.stream):
            raise WrongSetting("A table needs the ARN of its stream, and the other way.")
        if self.projection_seconds > LONGEST_PROJECTION_SECONDS:
            raise WrongSetting(
                f"projection_seconds is at most {LONGEST_PROJECTION_SECONDS}: an audit takes what "
                f"is missing after {BEHIND_SECONDS:.0f} s for lost."
            )

    @classmethod
    def from_context(cls, node: Node) -> Self:
        """Read the settings of an app. Raises `WrongSetting`."""
        return cls(
            stack_name=node.try_get_context("stack_name") or cls.stack_name,
            protected=_boolean(node, "protected", default=cls.protected),
            snap_start=_boolean(node, "snap_start", default=cls.snap_start),
            tracing=_boolean(node, "tracing", default=cls.tracing),
            ingest_concurrency=_count(node, "ingest_concurrency"),
            projection_seconds=_count(node, "projection_seconds") or cls.projection_seconds,
            domain=node.try_get_context("domain"),
            certificate=node.try_get_context("certificate"),
            alarm_email=node.try_get_context("alarm_email"),
            table=node.try_get_context("table"),
            stream=node.try_get_context("stream"),
        )


def _boolean(node: Node, name: str, *, default: bool) -> bool:
    """What comes from the command line is a string, what stands in `cdk.json` need not be."""
    given = str(node.try_get_context(name) or default).lower()
    if given not in ("true", "false"):
        raise WrongSetting(f"{name} is true or false, not {given}.")
    return given == "true"


def _count(node: Node, name: str) -> int | None:
    given = node.try_get_context(name)
    if given is None:
        return None
    if not re.fullmatch("[1-9][0-9]{0,5}", str(given)):
        raise WrongSetting(f"{name} is a whole number from 1 on, not {given}.")
    return int(given)
