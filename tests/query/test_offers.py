"""What the language says that a list can be asked, the application takes: for every type."""

from pathlib import Path

import crudgen
from crudgen.language import load
from crudgen.language.schema import TypeName
from crudgen.language.types import operators

FORMS = {TypeName.ENUM: "enum(a, b)", TypeName.DECIMAL: "decimal(9,2)"}
OF_PAGES = {"limit", "offset", "cursor", "count", "fields"}


def test_what_can_be_asked_is_what_is_offered(tmp_path: Path) -> None:
    lines = ["name: Thing", "fields:", "  hidden: int write_only"]
    for kind in TypeName:
        lines += [f"  {kind}_1: {FORMS.get(kind, kind)}", f"  {kind}_2: {FORMS.get(kind, kind)}?"]
    (tmp_path / "thing.yaml").write_text("\n".join(lines), "utf-8")
    (entity,) = load(tmp_path).entities
    app = crudgen.create_app(tmp_path, database=f"sqlite:///{tmp_path}/app.db")
    parameters = app.openapi()["paths"]["/things/"]["get"]["parameters"]
    taken = {parameter["name"]: parameter["schema"] for parameter in parameters}
    sorted_by = taken.pop("sort")["items"]["enum"]
    assert set(sorted_by) == {sign + name for name in entity.api.sort for sign in ("", "-")}
    offered = {
        field.name if operator == "eq" else f"{field.name}__{operator}"
        for field in entity.fields
        if field.name in entity.api.filter
        for operator in operators(field)
    }
    assert taken.keys() - OF_PAGES == offered
