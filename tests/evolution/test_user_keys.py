"""Plans of a spec whose users become rows of an entity, or are no longer rows."""

from collections.abc import Callable, Iterator
from functools import cache

import pytest

from crudgen.codegen import render
from crudgen.delivery.memory import import_tree, unload
from crudgen.evolution.connecting import Database
from crudgen.evolution.spec_names import ChoiceError
from crudgen.language import load_texts
from tests.evolution.changed import Changed, Spec
from tests.startup.started import Application

ENTITIES = {"user.yaml": "name: User\nfields: {name: str}\naccess: user\n"}
PERSON = "name: Person\nfields: {name: str}\naccess: user\n"
OPEN = {"user.yaml": "name: User\nfields: {name: str}\n"}
DROPPED = ["_login.row_id", "_credential.row_id"]


@cache
def spec(auth: str, person: str = "") -> Spec:
    """Return a spec with this `auth`, and its tables. `person` takes the place of User."""
    app = f"auth: {auth}\n" if auth else "title: Open\n"
    own = {"person.yaml": person} if person else ENTITIES
    schema = load_texts(dict(own if auth else OPEN), app)
    package = import_tree(render(schema))
    try:
        return Spec(schema, Application(package).metadata)
    finally:
        unload(package)


def warnings(found: Changed, auth: str) -> Iterator[str]:
    for one in found.plan(spec(auth).target()).warnings:
        if "`me`" in one.text:
            yield f"{one.table}: {one.text}"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_plan_warns_of_other_values_of_me(kind: str, new_database: Callable[[str], str]) -> None:
    own, rows = "{users: true, keys: true}", "{users: User, keys: true}"
    found = Changed(Database(new_database(kind)))
    found.apply(spec(own).target())
    assert [*warnings(found, own)] == []
    (warning,) = warnings(found, rows)
    assert warning == (
        "_login: `me` was `_login.id`, and becomes `_login.row_id`:"
        " link each user to the row with this number"
    )
    found.apply(spec(rows).target())
    assert [*warnings(found, rows)] == []
    found_again = (
        "_login: `me` was `_login.row_id`, and becomes `_login.id`:"
        " change stored values where they differ"
    )
    for _ in range(2):  # also if nothing is to be done
        assert [*warnings(found, own)] == [found_again]
        found.apply(spec(own).target())

    # The columns stay until they are dropped, as every note of them says.
    notes = [one.text for one in found.plan(spec(own).target()).notes]
    assert [name for name in DROPPED if any(f"--drop {name} " in one for one in notes)] == DROPPED
    assert not any("in the spec removes it" in one for one in notes)
    found.apply(spec(own).target(drops=DROPPED))
    left = found.plan(spec(own).target())
    assert (left.is_empty, left.notes) == (True, ())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_plan_warns_of_users_in_another_table(
    kind: str, new_database: Callable[[str], str]
) -> None:
    found = Changed(Database(new_database(kind)))
    found.apply(spec("{users: User}").target())
    (warning,) = found.plan(spec("{users: Person}", PERSON).target()).warnings
    assert f"{warning.table}: {warning.text}" == (
        "_login: `me` was the key of a row of user, and becomes that of a row of person:"
        " link each user to a row of person, and change stored values where they differ"
    )
    # The same rows, in a table with another name, and with another type of key.
    renamed = f"{PERSON}was: User\n"
    for same in (renamed, renamed.replace("{name", "{id: str(1..20) pk, name")):
        plan = found.plan(spec("{users: Person}", same).target())
        assert (plan.is_empty, plan.problems, plan.warnings) == (False, (), ())


@pytest.mark.parametrize("auth", ["{users: User}", "{keys: true, me: {id: int}}", ""])
def test_a_key_that_the_spec_needs_is_not_dropped(auth: str) -> None:
    with pytest.raises(ChoiceError, match="crudgen does not drop it"):
        spec(auth).target(drops=["_login.row_id"])
