"""What may be chosen at deployment: ``cdk deploy -c snap_start=true``, or ``ARGS`` to make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from constructs import Node


class WrongSetting(ValueError):
    """A setting that makes no sense, and why."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that is optional is off.

    `domain` is a name for the API, with the ARN of its certificate in the same region;
    `alarm_email` is where alarms go. `table` is one that is there, as after a restore, with the ARN
    of its stream: the stack then makes none.
    """

    snap_start: bool = False
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

    @classmethod
    def from_context(cls, node: Node) -> Self:
        """Read the settings of an app. Raises `WrongSetting`."""
        snap_start = node.try_get_context("snap_start") or "false"
        if str(snap_start).lower() not in ("true", "false"):
            raise WrongSetting("snap_start is true or false.")
        return cls(
            snap_start=str(snap_start).lower() == "true",
            domain=node.try_get_context("domain"),
            certificate=node.try_get_context("certificate"),
            alarm_email=node.try_get_context("alarm_email"),
            table=node.try_get_context("table"),
            stream=node.try_get_context("stream"),
        )
