from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return mypy's option for a cache that projects share: most of its time is the libraries'."""
    folder: Path = tmp_path_factory.mktemp("mypy")
    return f"--cache-dir={folder}"
