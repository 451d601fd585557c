"""The organization's meters at any version: for readers of pages that many versions counted."""

from __future__ import annotations

from typing import Final

from msgspec import Struct, field

from aureon.domain.meters import Meter, MeterSet
from aureon.meters import catalog
from aureon.storage.store import OrganizationStore

MAX_SETS_REMEMBERED: Final = 64


class Versions(Struct):
    """An organization's meters, read again only where a newer version is asked for."""

    store: OrganizationStore
    _newest: int = 0
    _meters: list[Meter] = field(default_factory=list)
    _sets: dict[int, MeterSet] = field(default_factory=dict)

    def at(self, version: int) -> MeterSet:
        """The meters that counted a page of this version. Raises `Unavailable`."""
        if version > self._newest:
            item = self.store.get(self.store.keys.meter_version())
            self._newest = max(version, catalog.version_of(item))
            self._meters = catalog.read_at(self.store, self._newest)
            self._sets.clear()
        if version not in self._sets:
            if len(self._sets) >= MAX_SETS_REMEMBERED:
                self._sets.clear()
            self._sets[version] = MeterSet(version, self._meters)
        return self._sets[version]
