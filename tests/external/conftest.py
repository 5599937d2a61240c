import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.external.programs import Programs, find_program
from tests.support.cluster import USER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
"""Options without which Chromium does not run as root, or asks hosts of its own."""


@pytest.fixture
def programs(postgresql: str) -> Iterator[Programs]:
    """Yield an object that starts PgBouncer, HAProxy and nginx; end them after the test."""
    assert postgresql, "it has made the user that they run as"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        if os.geteuid() == 0:
            shutil.chown(folder, USER)
        started = Programs(Path(folder))
        yield started
        started.stop()


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """Start Chromium; until it ends, an event loop runs in this thread."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of the extra `external`

    with sync_playwright() as playwright:
        path = find_program("chromium")
        started = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def page(browser: "Browser") -> "Iterator[Page]":
    opened = browser.new_page()
    yield opened
    opened.close()
