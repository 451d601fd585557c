"""A customer with a meter, and a clock that tests move; in the end all accounts are sound."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.conftest import NewApi
from tests.support import grant_makers
from tests.support.clock import Clock
from tests.support.credit_makers import assert_sound
from tests.support.handlers import Api
from tests.support.makers import EXTERNAL_ID


@pytest.fixture
def clock() -> Iterator[Clock]:
    with grant_makers.clock() as clock:
        yield clock


@pytest.fixture
def api(new_api: NewApi, clock: Clock) -> Iterator[Api]:
    api = new_api()
    api.meter()
    yield api
    assert_sound(api)


@pytest.fixture
def customer(api: Api) -> str:
    return api.customer("user@example.com", external_id=EXTERNAL_ID)
