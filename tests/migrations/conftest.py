"""The emitted project that the tests of revisions share."""

import pytest

from tests.migrations.written import Project, project


@pytest.fixture(scope="session")
def emitted(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project(tmp_path_factory.mktemp("emitted") / "project")
