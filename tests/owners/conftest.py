"""Fixtures: an emitted project with heroes and teams, and a copy of it for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.owners.project import HERO, TEAM, Project, emit


@pytest.fixture(scope="package")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return emit(tmp_path_factory.mktemp("owners"), {"hero": HERO, "team": TEAM})


@pytest.fixture
def project(emitted: Path, tmp_path: Path) -> Iterator[Project]:
    copied = Project.copied(emitted, tmp_path)
    yield copied
    copied.unload()
