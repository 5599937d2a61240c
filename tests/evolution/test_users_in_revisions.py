"""Revisions of a spec whose users become rows of an entity, or are no longer rows."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from crudgen.evolution.choices import Choices, read_choices
from crudgen.evolution.connecting import Database
from crudgen.evolution.hints import hints
from crudgen.evolution.revisions.draft import Draft
from crudgen.evolution.revisions.following import next_revision
from crudgen.evolution.revisions.history import History, Revision, RevisionError
from tests.evolution.changed import Changed, Spec
from tests.evolution.test_revisions import models, upgrade
from tests.evolution.test_user_keys import DROPPED, PERSON, spec

OWN, ROWS = "{users: true, keys: true}", "{users: User, keys: true}"
KEYS = "{keys: true, me: {id: int}}"
PEOPLE = "{users: Person, keys: true}"


class Chain:
    """Revisions of a database, one after the other."""

    def __init__(self, kind: str, new_database: Callable[[str], str]) -> None:
        self.found, self._kind = Changed(Database(new_database(kind))), kind
        self.after = dict[str, str]()

    def draft(self, now: Spec, *drops: str) -> tuple[Draft, dict[str, str]]:
        choices = read_choices(now.schema, hints(now.schema), (), drops, ())
        return next_revision(self.after, now.schema, now.metadata, choices, models)

    def revise(self, now: Spec, *drops: str) -> Sequence[str]:
        """Run the next revision, and return its warnings."""
        made, self.after = self.draft(now, *drops)
        assert made.plan.problems == ()
        upgrade(self.found, self._kind, made)
        left = self.found.plan(now.target())
        assert left.is_empty, left.left
        again, after = next_revision(self.after, now.schema, now.metadata, Choices(), models)
        assert (again.is_empty, after) == (True, self.after)
        return [one.text for one in made.plan.warnings]


@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_revisions_follow_the_users(kind: str, new_database: Callable[[str], str]) -> None:
    chain = Chain(kind, new_database)
    own, rows = spec(OWN), spec(ROWS)
    renamed, person = spec(PEOPLE, f"{PERSON}was: User\n"), spec(PEOPLE, PERSON)
    chain.revise(own)
    assert chain.after["_login"] == "row_id: none\n"
    warning, *_ = chain.revise(rows)
    assert "`me` was `_login.id`, and becomes `_login.row_id`" in warning
    assert chain.after["_login"] == "row_id: User\n"
    assert chain.after["_credential"] == "row_id: User\nlogin_id: _login\n"
    chain.revise(own)  # keeps row_id
    assert chain.after["_credential"] == "row_id: User\n"
    chain.revise(rows)
    chain.revise(own)
    chain.revise(own, "_login.row_id")
    chain.revise(rows)
    chain.revise(own)
    chain.revise(own, *DROPPED)
    assert chain.found.plan(own.target()).notes == ()
    chain.revise(rows)
    chain.revise(renamed)
    assert chain.after["_login"] == "row_id: Person\n"
    chain.revise(rows)
    chain.revise(person)
    chain.revise(spec(PEOPLE, PERSON.replace("{name", "{id: str(1..20) pk, name")))


@pytest.mark.long_cases("postgresql")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_references_stay_after_the_users(kind: str, new_database: Callable[[str], str]) -> None:
    """A table that the spec no longer has is changed when the spec has it again."""
    chain = Chain(kind, new_database)
    chain.revise(spec(ROWS))
    chain.revise(spec(KEYS))
    assert chain.after["_login"] == "row_id: User\n"
    made, _ = chain.draft(spec(KEYS, PERSON), "user", "_credential.row_id")
    assert [str(one.remedy) for one in made.plan.problems] == [
        "write a revision that drops the column, with _login in AFTER"
    ]
    chain.revise(spec(KEYS, f"{PERSON}was: User\n"))
    assert chain.after["_login"] == "row_id: Person\n"
    chain.revise(spec("{users: true}", PERSON))
    made, _ = chain.draft(spec("{users: true}"), "person")
    assert [one.remedy for one in made.plan.problems] == [
        f"drop the column too: --drop {one}" for one in DROPPED
    ]
    chain.revise(spec("{users: true}"), "person", *DROPPED)
    assert {*chain.after} == {"User", "_credential", "_login", "kit"}


def test_revisions_without_a_record_of_users_compare_as_before() -> None:
    own, rows = spec("{users: true}"), spec("{users: User}")
    _, after = next_revision({}, own.schema, own.metadata, Choices(), models)
    former = {name: text for name, text in after.items() if name[0] != "_"}
    made, recorded = next_revision(former, own.schema, own.metadata, Choices(), models)
    assert (made.is_empty, recorded) == (True, after)
    made, _ = next_revision(former, rows.schema, rows.metadata, Choices(), models)
    assert made.is_empty


@pytest.mark.parametrize("text", ["row_id", "row_id: Nobody", "row_id: _login", "login_id: User"])
def test_what_revisions_cannot_have_recorded(text: str) -> None:
    own = spec("{users: true}")
    _, after = next_revision({}, own.schema, own.metadata, Choices(), models)
    with pytest.raises(RevisionError, match="AFTER\n  write"):
        next_revision({**after, "_login": f"{text}\n"}, own.schema, own.metadata, Choices(), models)


@pytest.mark.parametrize(
    ("before", "texts", "is_conflict"),
    [
        (None, ("row_id: none\n", "row_id: none\n"), False),
        (None, ("row_id: none\n", "row_id: User\n"), True),
        ("row_id: none\n", ("row_id: User\n", "row_id: User\n"), True),
        ("row_id: none\n", ("row_id: User\n", None), False),
    ],
)
def test_branches_change_the_users(
    before: str | None, texts: tuple[str, str | None], *, is_conflict: bool
) -> None:
    first = Revision("1", Path("1.py"), (), {"_login": before} if before else {})
    branches = [
        Revision(name, Path(f"{name}.py"), ("1",), {"_login": text} if text else {})
        for name, text in zip("23", texts, strict=True)
    ]
    merged = History(Path(), (first, *branches))
    if is_conflict:
        with pytest.raises(RevisionError, match="change _login, and neither"):
            merged.spec()
    else:
        assert merged.spec() == {"_login": texts[0]}
