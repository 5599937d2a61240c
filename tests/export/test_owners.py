"""Files of a project that its owner has edited, as FastAPI's test client reads them."""

import json
from pathlib import Path

import pytest

from tests.owners.project import Project, emit

SPEC = """\
name: Hero
fields: {name: str, age: int?, data: json?}
api: {export: [csv, ndjson]}
"""
COMPUTED = """
    @computed_field
    @property
    def label(self) -> str:
        return f"{self.name}, {self.age}"
"""


@pytest.mark.parametrize("shortcut", [True, False])
def test_a_computed_field_is_in_the_files(tmp_path: Path, shortcut: bool) -> None:
    project = Project.copied(emit(tmp_path, {"hero": SPEC}), tmp_path)
    models = "heroes/models.py"
    project.import_in(models, "from pydantic import computed_field")
    text = project.path(models).read_text("utf-8")
    head, _, rest = text.partition("class HeroPublic(")
    first, gap, after = rest.partition("\n\n\n")
    project.write(models, f"{head}class HeroPublic({first}\n{COMPUTED}{gap}{after}")
    with project.client(shortcut=shortcut) as client:
        empty = client.get("/heroes/", headers={"accept": "text/csv"})
        assert empty.text == "name,age,data,id,label\r\n"
        made = client.post("/heroes/", json={"name": "a", "data": "x"}).json()
        table = client.get("/heroes/", headers={"accept": "text/csv"})
        assert table.text == f'{empty.text}a,,"""x""",1,"a, None"\r\n'
        lines = client.get("/heroes/", headers={"accept": "application/x-ndjson"})
        assert json.loads(lines.text) == made
        some = client.get("/heroes/?fields=age,name", headers={"accept": "text/csv"})
        assert some.text == "name,age\r\na,\r\n"
    project.unload()
