"""What the client is used with, in an environment of its own, against the same service."""

from __future__ import annotations

import pytest

from tests.clients.test_package import CHECKS, PYTHON, run
from tests.support.local_service import Service, clean_environment

pytestmark = pytest.mark.skipif(
    not PYTHON.exists(), reason=".venv-clients is not there: make test installs it"
)


@pytest.mark.parametrize("name", sorted(path.name for path in CHECKS.glob("checks_*.py")))
def test_its_checks_pass(service: Service, name: str) -> None:
    given = {"AUREON_URL": service.url, "AUREON_ACCESS_TOKEN": service.token}
    passed = run(
        *(PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--confcutdir={CHECKS}"),
        *("-o", "python_files=checks_*.py", CHECKS / name),
        env=clean_environment() | given,
    )
    assert "passed" in passed
