"""The organization's meters at any version: for whoever reads pages that many versions counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from aureon import catalog, keys
from aureon.domain.meters import Meter, MeterSet
from aureon.store import Store

MAX_SETS_REMEMBERED: Final = 64


@dataclass
class Versions:
    """An organization's meters, read again only where a newer version is asked for."""

    store: Store
    organization_id: str
    _newest: int = 0
    _meters: list[Meter] = field(default_factory=list)
    _sets: dict[int, MeterSet] = field(default_factory=dict)

    def at(self, version: int) -> MeterSet:
        """The meters that counted a page of this version. Raises `Unavailable`."""
        if version > self._newest:
            item = self.store.get(keys.meter_version(self.organization_id))
            self._newest = max(version, catalog.version_of(item))
            self._meters = catalog.read_at(self.store, self.organization_id, self._newest)
            self._sets.clear()
        if version not in self._sets:
            if len(self._sets) >= MAX_SETS_REMEMBERED:
                self._sets.clear()
            self._sets[version] = MeterSet(version, self._meters)
        return self._sets[version]
