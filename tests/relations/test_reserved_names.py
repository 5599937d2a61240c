"""Relations whose names Python reserves, so that their attributes end in an underscore."""

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from tests.owners.project import Project, emit

SPECS = {
    "school": """
name: School
fields:
  from: str
  class_id: -> Grade? inverse(import)
api:
  include: [class, class__lambda, class__lambda__class]
  related: [class__title, class__lambda__from, class__from, import]
""",
    "grade": """
name: Grade
fields:
  from: str
  title: str index
  lambda_id: -> School? unique inverse(import)
api:
  include: [lambda, lambda__class, import, import__class]
  related: [lambda__class__title, import__any__from, import__any__class__title]
  embed: [lambda]
  counts: [import]
""",
}


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[str], str]
) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("reserved")
    project = Project.copied(emit(folder, SPECS), folder)
    with project.client(project.create(database_url=new_database("sqlite"))) as client:
        client.post("/grades/", json={"from": "a", "title": "one"})
        client.post("/schools/", json={"from": "b", "class_id": 1})
        client.patch("/grades/1", json={"lambda_id": 1})
        yield client
    project.unload()


def test_a_path_of_reserved_names_is_included(client: TestClient) -> None:
    school = client.get("/schools/1?include=class__lambda__class").json()
    assert school["class"]["lambda"]["class"]["title"] == "one"
    grade = client.get("/grades/1?include=import__class").json()
    assert grade["import"][0]["class"]["title"] == "one"
    assert grade["lambda"]["from"] == "b"
    assert grade["import_count"] == 1


@pytest.mark.parametrize(
    "query",
    [
        *("schools/?class__title=one", "schools/?class__lambda__from=b", "schools/?class__from=a"),
        *("schools/?import__exists=true", "grades/?lambda__class__title=one"),
        *("grades/?import__any__from=b", "grades/?import__any__class__title__startswith=o"),
        "schools/?sort=class__title",
    ],
)
def test_lists_are_filtered_and_sorted_by_paths_of_reserved_names(
    client: TestClient, query: str
) -> None:
    assert len(client.get(f"/{query}").json()) == 1
    assert client.get(f"/{query.replace('=one', '=two')}").status_code == 200
