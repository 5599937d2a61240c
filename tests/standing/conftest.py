"""A PostgreSQL that a test may stop."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres import Postgres


@pytest.fixture
def postgres(tmp_path: Path, postgresql: str) -> Iterator[Postgres]:
    assert postgresql, "its folder for sockets is set up"
    own = Postgres(tmp_path / "pg")
    yield own
    own.clean_up()
