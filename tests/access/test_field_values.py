"""Rules about fields, where the sets of rules in test_fields.py do not reach."""

from collections.abc import Callable
from typing import Any

from crudgen.codegen import render
from crudgen.language import explain, load_texts
from crudgen.language.matrix import access_tables
from tests.access.vocabulary import Asker, run

NewDatabase = Callable[[str], str]
APP = "auth: {roles: [hr, boss], me: {id: int = sub}}\n"
BADGE = """\
name: Badge
fields:
  code: int pk
  email: email = a@x.de
  level: int = 1
  tags: json?
  since: datetime?
  secret: str? write_only
  note: str? = draft
  owner_id: int = me
  kind: enum(plain, gold)? immutable
access:
  owner: owner_id
  read: user
  create: user
  update: [owner, hr]
  delete: hr
  fields:
    email: {read: owner}
    level: {read: hr, write: [hr, owner if level < 5]}
    tags: {read: owner, write: [owner, hr]}
    since: {write: hr}
    note: {read: owner}
    secret: {write: owner if level < 3}
    owner_id: {write: hr}
    kind: {write: boss}
hooks: [update]
api:
  operations: [create, list, read, update, replace, delete, update_many]
  search: [email]
  idempotency: true
"""
FREE = BADGE.replace("hooks: [update]\n", "")
NEW: dict[str, Any] = {"code": 1, "email": "a@x.de"}


def denied(answer: Any) -> Any:
    return answer.status_code, *(one["loc"] for one in answer.json()["detail"])


async def check_creation(asker: Asker) -> None:
    row = await asker.row("POST /badges/", NEW | {"tags": [1], "level": 1})
    seen = {
        "code": 1,
        "email": "a@x.de",
        "tags": [1],
        "since": None,
        "owner_id": 1,
        "kind": None,
        "note": "draft",
    }
    assert row == seen
    for value in ({"owner_id": 2}, {"since": "2030-01-01T00:00:00Z"}, {"kind": "gold"}):
        (name,) = value
        assert denied(await asker.ask("POST /badges/", NEW | value)) == (403, ["body", name])
    assert denied(await asker.ask("POST /badges/", NEW | {"level": 7})) == (403, ["body", "level"])
    assert await asker.status("POST /badges/", NEW | {"code": 2, "level": 4, "owner_id": 1}) == 200
    key = {"Idempotency-Key": "one"}
    for _ in range(2):
        new = NEW | {"code": 3}
        answer = await asker.ask("POST /badges/", new, by=9, roles=["hr"], headers=key)
        assert answer.json()["level"] == 1
        assert "level" not in (await asker.row("GET /badges/3", by=2))
    put = {**NEW, "code": 4}
    answer = await asker.ask("PUT /badges/4", put | {"since": "2030-01-01T00:00:00Z"})
    assert denied(answer) == (403, ["body", "since"])
    assert "level" not in (await asker.row("PUT /badges/4", put))


async def check_reading(asker: Asker) -> None:
    seen = await asker.row("GET /badges/1", by=2)
    assert (seen["email"], seen["tags"], "level" in seen) == (None, None, False)
    answer = await asker.ask("GET /badges/?level__gte=1", by=2)
    assert denied(answer) == (403, ["query", "level"])
    assert await asker.row("GET /badges/?q=a", by=2) == []
    assert len(await asker.row("GET /badges/?q=a@x")) == 3


async def check_changes(asker: Asker) -> None:
    row = await asker.row("GET /badges/1")
    # A PUT keeps what its caller does not see, and resets what they see.
    await asker.row("PATCH /badges/1", {"level": 2}, by=9, roles=["hr"])
    await asker.row("PATCH /badges/1", {"secret": "x"})
    await asker.row("PUT /badges/1", {name: one for name, one in row.items() if name != "tags"})
    level = await asker.row("GET /badges/1", by=9, roles=["hr"])
    assert (level["level"], level["tags"], level["email"]) == (2, None, None)
    assert (await asker.row("GET /badges/1"))["tags"] is None
    since = {"since": "2030-01-01T00:00:00Z"}
    await asker.row("PATCH /badges/1", since, by=9, roles=["hr"])
    assert denied(await asker.ask("PUT /badges/1", row)) == (403, ["body", "since"])
    assert await asker.status("PUT /badges/1", row | {"since": "2030-01-01T01:00:00+01:00"}) == 200
    # JSON tells 1 from true; null that hides a value changes nothing.
    await asker.row("PATCH /badges/1", {"tags": [True]})
    assert (await asker.row("GET /badges/1"))["tags"] == [True]
    await asker.row("PATCH /badges/1", {"tags": None, "since": None}, by=9, roles=["hr"])
    assert (await asker.row("GET /badges/1"))["tags"] == [True]
    assert (await asker.row("GET /badges/1"))["since"] is None
    # A property that is in no response cannot be guessed.
    await asker.row("PATCH /badges/1", {"level": 4}, by=9, roles=["hr"])
    for secret in ("x", "y"):
        answer = await asker.ask("PATCH /badges/1", {"secret": secret})
        assert denied(answer) == (403, ["body", "secret"])
    for level in (4, 5):  # by a rule with a condition, which is not true afterwards
        answer = await asker.ask("PATCH /badges/bulk", [{"code": 1, "level": level}])
        assert answer.status_code == (200 if level == 4 else 403)
    # A PUT keeps what this row does not show to its caller, and that is not in the request.
    put = NEW | {"owner_id": 1}
    await asker.row("PATCH /badges/1", {"note": "own"})
    assert (await asker.row("PUT /badges/1", put, by=9, roles=["hr"]))["note"] is None
    assert (await asker.row("GET /badges/1"))["note"] == "own"
    assert (await asker.row("PUT /badges/1", NEW))["note"] == "draft"
    await asker.row("PUT /badges/1", put | {"note": "hr"}, by=9, roles=["hr"])
    assert (await asker.row("GET /badges/1"))["note"] == "hr"
    # ETags are those of what the caller sees.
    tags = [(await asker.ask("GET /badges/1", by=by)).headers["etag"] for by in (1, 2)]
    await asker.row("PATCH /badges/1", {"email": "b@x.de"})
    after = [(await asker.ask("GET /badges/1", by=by)).headers["etag"] for by in (1, 2)]
    await asker.row("PUT /badges/1", {"code": 1, "owner_id": 1}, by=9, roles=["hr"])
    assert (await asker.row("GET /badges/1"))["email"] == "b@x.de"
    assert (tags[0] == after[0], tags[1] == after[1]) == (False, True)


async def check_document(asker: Asker) -> None:
    document = (await asker.ask("GET /openapi.json", by=None)).json()
    public = document["components"]["schemas"]["BadgePublic"]
    assert {"email", "level", "tags"}.isdisjoint(public["required"])
    assert {"type": "null"} in public["properties"]["level"]["anyOf"]
    assert "code" in public["required"]


def test_values_are_judged(new_database: NewDatabase) -> None:
    async def check(asker: Asker) -> None:
        await check_creation(asker)
        await check_reading(asker)
        await check_changes(asker)
        await check_document(asker)

    run(APP, {"badge.yaml": FREE}, new_database("sqlite"), check)


def test_changes_by_functions_are_judged(new_database: NewDatabase) -> None:
    async def check(asker: Asker) -> None:
        await asker.row("POST /badges/", NEW | {"tags": [1]})
        await check_changes(asker)

    run(APP, {"badge.yaml": BADGE}, new_database("sqlite"), check)


HERO = """\
name: Hero
fields: {name: str, salary: int?, owner_id: int = me}
links: {powers: Power}
access:
  owner: owner_id
  read: user
  write: user
  fields: {salary: {read: owner}}
api: {include: [powers], related: [powers__any__cost]}
"""
POWER = """\
name: Power
fields: {name: str, cost: int?}
access: {read: user, write: user, fields: {cost: hr}}
api: {include: [heroes], related: [heroes__any__salary]}
"""


def test_linked_rows_show_what_the_caller_sees(new_database: NewDatabase) -> None:
    async def check(asker: Asker) -> None:
        await asker.row("POST /powers/", {"name": "p", "cost": 5}, roles=["hr"])
        hero = await asker.row("POST /heroes/", {"name": "h", "salary": 7})
        await asker.row("PUT /heroes/1/powers/", [1])
        for by, seen in ((1, hero), (2, hero | {"salary": None})):
            assert await asker.row("GET /powers/1/heroes/?sort=salary", by=by) == [seen]
            (power,) = await asker.row("GET /powers/?include=heroes", by=by)
            assert power["heroes"] == [seen]
            for path in ("powers/1/heroes/?salary=7", "powers/?heroes__any__salary=7"):
                assert len(await asker.row(f"GET /{path}", by=by)) == (by == 1)
        assert await asker.row("GET /heroes/1/powers/") == [{"name": "p", "id": 1}]
        (row,) = await asker.row("GET /heroes/?include=powers")
        assert row["powers"] == [{"name": "p", "id": 1}]
        for path in ("heroes/1/powers/?cost=5", "heroes/?powers__any__cost=5"):
            assert await asker.status(f"GET /{path}") == 403
            assert await asker.status(f"GET /{path}", roles=["hr"]) == 200

    run(APP, {"hero.yaml": HERO, "power.yaml": POWER}, new_database("sqlite"), check)


MODELS = "app/badges/models.py"
OPTIONAL = '    __optional__ = ("email", "level", "tags", "note")\n'
SIGN = """
    @computed_field
    @property
    def sign(self) -> str:
        return f"{self.email} {self.level}"

"""
COMPUTED = (
    *(MODELS, "from sqlmodel import", "from pydantic import computed_field\nfrom sqlmodel import"),
    *(MODELS, OPTIONAL, OPTIONAL + SIGN),
)


def test_computed_fields_see_what_the_caller_sees(new_database: NewDatabase) -> None:
    async def check(asker: Asker) -> None:
        await asker.row("POST /badges/", NEW)
        row = await asker.row("GET /badges/1", by=2)
        assert ("level" in row, row["email"], row["sign"]) == (False, None, "None None")
        assert await asker.row("GET /badges/", by=2) == [row]
        assert (await asker.row("GET /badges/1"))["sign"] == "a@x.de None"
        row = await asker.row("GET /badges/1", roles=["hr"])
        assert (row["level"], row["sign"]) == (1, "a@x.de 1")

    run(APP, {"badge.yaml": FREE}, new_database("sqlite"), check, COMPUTED)


def test_a_spec_without_such_rules_has_no_code_of_them() -> None:
    plain = FREE[: FREE.index("  fields:\n    email")] + FREE[FREE.index("api:") :]
    tree = render(load_texts({"badge.yaml": plain}, APP))
    own = {path: text for path, text in tree.items() if "/kit/" not in path}
    found = [path for path, text in own.items() if "FieldAccess" in text or "__optional__" in text]
    assert found == []
    assert "level: int = Field(default=1" in own["app/badges/models.py"]


def test_rules_about_fields_are_listed_and_explained() -> None:
    schema = load_texts({"badge.yaml": FREE}, APP)
    table = access_tables(schema)
    assert "    see email     -       if (1)  if (1)  if (1)\n" in table
    assert "    set kind      -       -       -       yes\n" in table
    again = load_texts({"badge.yaml": explain(schema.entities[0])}, APP)
    assert again.entities[0].access == schema.entities[0].access
