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
        assert left.is_empty, left.remaining_changes
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


def history(*branches: dict[str, str | None], **first: str) -> History:
    """Return a first revision and branches that follow it; each is what AFTER contains."""
    revisions = [Revision("1", Path("1.py"), (), first)]
    for number, after in enumerate(branches, 2):
        revisions.append(Revision(str(number), Path(f"{number}.py"), ("1",), after))
    return History(Path(), tuple(revisions))


@pytest.mark.parametrize(
    "text", ["row_id", "row_id: ", "row_id: user", "row_id: _login", "login_id: User", ": User"]
)
def test_a_record_that_no_revision_has_is_reported(text: str) -> None:
    own = spec("{users: true}")
    _, after = next_revision({}, own.schema, own.metadata, Choices(), models)
    assert history({}, **after).spec() == after
    with pytest.raises(RevisionError, match=f"2.py: AFTER has `{text}` of _login, .*\n  write"):
        history({"_login": f"{text}\n"}, **after).spec()


def test_a_record_of_a_missing_entity_is_reported() -> None:
    with pytest.raises(RevisionError) as caught:
        history({"_login": "row_id: Nobody\n"}, User="...", _login="row_id: none\n").spec()
    assert str(caught.value).splitlines() == [
        "2.py: AFTER has `row_id: Nobody` of _login, and the revisions have no entity Nobody",
        "  write the name of an entity, or `row_id: none`",
    ]


@pytest.mark.parametrize(
    ("after", "file"), [({}, "1.py"), ({"kit": "_login\n"}, "1.py"), ({"_login": None}, "2.py")]
)
def test_a_table_of_users_without_a_record_is_reported(
    after: dict[str, str | None], file: str
) -> None:
    with pytest.raises(RevisionError) as caught:
        history(after, User="...", kit="_idempotency\n_login\n").spec()
    problem, remedy = str(caught.value).splitlines()
    assert problem == f"{file}: `kit` in AFTER has _login, and AFTER has no record of it"
    assert r'`"_login": "row_id: none\n"` in AFTER, or `"_login": "row_id: User\n"` if' in remedy
    complete = history(User="...", kit="_login\n", _login="row_id: User\n")
    assert complete.spec()["_login"] == "row_id: User\n"


@pytest.mark.parametrize("is_reverse", [False, True])
def test_branches_record_and_rename_an_entity(*, is_reverse: bool) -> None:
    rows: dict[str, str | None] = {"_login": "row_id: User\n"}
    renamed: dict[str, str | None] = {"User": None, "Account": "..."}
    branches = [renamed, rows] if is_reverse else [rows, renamed]
    merged = history(*branches, User="...", _login="row_id: none\n")
    row, name = ("3.py", "2.py") if is_reverse else ("2.py", "3.py")
    with pytest.raises(RevisionError) as caught:
        merged.spec()
    what = f"{row} records `row_id: User` of _login, {name} removes User"
    assert str(caught.value).splitlines() == [
        f"{what}, and neither follows the other",
        "  delete the one that no database has run, and write it again: crudgen revision",
        "  if both have run, write a revision that follows both, with _login in AFTER",
    ]
    last = Revision("4", Path("4.py"), ("2", "3"), {"_login": "row_id: Account\n"})
    found = History(Path(), (*merged.revisions, last)).spec()
    assert found == {"Account": "...", "_login": "row_id: Account\n"}


def test_a_later_revision_removes_the_entity_of_users() -> None:
    later = Revision("2", Path("2.py"), ("1",), {"User": None})
    first = history(User="...", _login="row_id: User\n").revisions
    with pytest.raises(RevisionError, match=r"^1\.py: AFTER has `row_id: User` of _login, and"):
        History(Path(), (*first, later)).spec()


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
    branches: list[dict[str, str | None]] = [{"_login": text} if text else {} for text in texts]
    merged = history(*branches, User="...", **({"_login": before} if before else {}))
    if is_conflict:
        with pytest.raises(RevisionError, match="change _login, and neither"):
            merged.spec()
    else:
        assert merged.spec() == {"User": "...", "_login": texts[0]}
