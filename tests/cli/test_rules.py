"""`crudgen serve` follows rules, and functions of computed properties, while it runs."""

from pathlib import Path

import httpx
import pytest

from tests.access.test_rules import SECRET, bearer
from tests.cli.served import Serve
from tests.cli.test_own_code import edit, emit

HERO = """\
name: Hero
fields:
  name: str
  salary: int?
  pay: int? computed
access: {read: user, create: user, fields: {salary: {read: user}}}
"""
HOOKS = '''\
"""Computed properties of heroes."""

from sqlalchemy import SQLColumnExpression
from sqlmodel import col

from .models import Hero


def pay(hero: type[Hero]) -> SQLColumnExpression[int | None]:
    """Return the salary of two years."""
    return col(hero.salary) * 2
'''


@pytest.mark.long
def test_rules_and_computed_properties_are_reloaded(tmp_path: Path) -> None:
    spec = tmp_path / "entities/hero.yaml"
    spec.parent.mkdir()
    spec.write_text(HERO)
    (tmp_path / "crudgen.yaml").write_text("auth: {roles: [hr]}\n")
    emit(tmp_path)
    hooks = tmp_path / "generated/app/heroes/hooks.py"
    hooks.write_text(HOOKS)
    user, hr = bearer([]), bearer(["hr"])

    with Serve(tmp_path, AUTH_SECRET=SECRET).start() as served:

        def get(query: str = "", headers: dict[str, str] = user) -> httpx.Response:
            return httpx.get(f"{served.url}/heroes/{query}", headers=headers, timeout=10)

        body = {"name": "a", "salary": 4}
        assert httpx.post(f"{served.url}/heroes/", json=body, headers=user).is_success
        seen = {"name": "a", "salary": 4, "id": 1, "pay": 8}
        assert get().json() == [seen]

        # What a rule hides, a computed property does not tell.
        edit(spec, ("salary: {read: user}", "salary: {read: hr}"))
        served.wait_for("reloaded")
        assert get().json() == [{"name": "a", "id": 1, "pay": None}]
        assert get("?pay=8").json() == get("?pay__gte=0").json() == []
        assert get("?sort=-pay&fields=pay").json() == [{"pay": None}]
        assert get(headers=hr).json() == [seen]

        edit(hooks, ("* 2", "* 3"))
        served.wait_for("reloaded")
        assert get().json() == [{"name": "a", "id": 1, "pay": None}]
        assert get("?pay=12", headers=hr).json() == [seen | {"pay": 12}]

        # The former rules hold while the spec has an error.
        edit(spec, ("salary: {read: hr}", "pay: {read: hr}"))
        served.wait_for("'pay' is computed, and rules about fields are about columns")
        assert get().json() == [{"name": "a", "id": 1, "pay": None}]
        edit(spec, ("pay: {read: hr}", "salary: {read: nobody}"))
        served.wait_for("reloaded")
        assert get(headers=hr).json() == get().json() == [{"name": "a", "id": 1, "pay": None}]
    assert "Traceback" not in served.text()
