"""Included rows follow the response models that the owner edited."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.owners.project import Project, emit

pytestmark = pytest.mark.long

TEAMS = Path(__file__).parents[1] / "specs/teams/entities"
COMPUTED = """
    @computed_field
    @property
    def label(self) -> str:
        return f"{self.name}!"

    @field_serializer("headquarters")
    def _upper(self, value: str) -> str:
        return value.upper()
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    specs = {file.stem: file.read_text("utf-8") for file in TEAMS.iterdir()}
    copied = Project.copied(emit(tmp_path, specs), tmp_path)
    copied.import_in("teams/models.py", "from pydantic import computed_field, field_serializer")
    copied.append("teams/models.py", COMPUTED)
    yield copied
    copied.unload()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_computed_fields_and_serializers_apply_to_included_rows(
    project: Project, kind: str, new_database: Callable[[str], str]
) -> None:
    with project.client(project.create(database_url=new_database(kind))) as client:
        team = client.post("/teams/", json={"name": "Z", "headquarters": "x"}).json()
        assert team == {"name": "Z", "headquarters": "X", "id": 1, "label": "Z!"}
        hero = {"name": "Deadpond", "secret_name": "Dive", "team_id": 1}
        hero = client.post("/heroes/", json=hero).json()
        assert client.get("/heroes/1?include=team").json() == {**hero, "team": team}
        assert client.get("/heroes/?include=team").json() == [{**hero, "team": team}]
        listed = client.get("/teams/?include=heroes").json()
        assert listed == [{**team, "heroes": [hero], "heroes_more": False}]
        named = client.get("/heroes/?include=team&fields=id,team__name").json()
        assert named == [{"id": 1, "team": {"name": "Z"}}]
