import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.external.programs import Programs
from tests.support.cluster import USER


@pytest.fixture
def programs(postgresql: str) -> Iterator[Programs]:
    """Give what starts PgBouncer, HAProxy and nginx, and ends them after the test."""
    assert postgresql, "it has made the user that they run as"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        started = Programs(Path(folder))
        yield started
        started.stop()
