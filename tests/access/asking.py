"""The requests to the agency, what each one needs, and the responses that follow from the rules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.access.agency import Rules

Need = tuple[str, str]
Places = list[tuple[tuple[str | int, ...], str]]
"""An entity, and what is done with its rows."""
HIDDEN = "There is no such "


@dataclass(frozen=True)
class Ask:
    """A request, and what a caller must be allowed for it."""

    method: str
    path: str
    needs: Sequence[Sequence[Need]]
    """Of each group, the caller needs one."""
    json: Any = None
    parameters: tuple[tuple[str, Sequence[str]], ...] = ()
    """Query parameters, each with the entities whose rows it reads."""
    refers: Sequence[tuple[tuple[Any, ...], str]] = ()
    """Locations of references in the body, each with the entity."""
    makes: Sequence[tuple[tuple[Any, ...], str]] = ()
    """Locations of rows in the body that are created too."""
    returns: Sequence[str] = ()
    """The entities whose written rows the response contains."""
    statuses: Sequence[int] = (200,)
    """The statuses if the request is allowed."""
    exists: bool = False
    """Whether a PUT that may create a row finds one."""
    headers: dict[str, str] = field(default_factory=dict)


def read(path: str, *entities: str, **parameters: Sequence[str]) -> Ask:
    needs = [[(entity, "read")] for entity in entities]
    return Ask("GET", path, needs, parameters=tuple(parameters.items()))


def asks() -> Iterator[Ask]:
    """Yield all kinds of requests."""
    yield from reading()
    yield from creating()
    yield from changing()
    yield from linking()


def reading() -> Iterator[Ask]:
    for path, entity, key in (
        ("/teams/", "Team", "1"),
        ("/heroes/", "Hero", "1"),
        ("/powers/", "Power", "fly"),
        ("/badges/", "Badge", "1"),
        ("/awards/", "Award", "1"),
        ("/missions/", "Mission", "1"),
    ):
        yield read(path, entity)
        yield read(path.rstrip("/"), entity)
        yield read(path + key, entity)
        yield read(f"{path}?count=exact&limit=1&cursor=", entity)
        yield read(f"{path}?fields=id" if entity != "Power" else f"{path}?fields=code", entity)
    included = {
        "/teams/": ("Team", {"heroes": ["Hero"], "heroes__powers": ["Hero", "Power"]}),
        "/heroes/": (
            "Hero",
            {
                "team": ["Team"],
                "powers": ["Power"],
                "missions": ["Mission"],
                "badges": ["Badge", "Award"],
                "team__heroes": ["Team", "Hero"],
            },
        ),
        "/powers/": ("Power", {"heroes": ["Hero"]}),
        "/awards/": ("Award", {"hero": ["Hero"], "badge": ["Badge"]}),
        "/missions/": ("Mission", {"hero": ["Hero"], "hero__team": ["Hero", "Team"]}),
    }
    for path, (entity, includes) in included.items():
        for name, entities in includes.items():
            yield read(f"{path}?include={name}&limit=1", entity, include=entities)
            key = "fly" if path == "/powers/" else "1"
            yield read(f"{path}{key}?include={name}", entity, include=entities)
    for path, entity, name, entities in (
        ("/teams/", "Team", "heroes__any__name", ["Hero"]),
        ("/teams/", "Team", "heroes__none__name", ["Hero"]),
        ("/heroes/", "Hero", "team__name", ["Team"]),
        ("/heroes/", "Hero", "powers__any__name", ["Power"]),
        ("/heroes/", "Hero", "missions__any__goal", ["Mission"]),
        ("/heroes/", "Hero", "badges__any__name", ["Badge", "Award"]),
        ("/heroes/", "Hero", "badges__none__name", ["Badge", "Award"]),
        ("/powers/", "Power", "heroes__any__name", ["Hero"]),
        ("/missions/", "Mission", "hero__name", ["Hero"]),
        ("/missions/", "Mission", "hero__team__name", ["Hero", "Team"]),
    ):
        yield read(f"{path}?{name}=Ann", entity, **{name: entities})
        yield read(f"{path}?{name}__contains=A&count=exact", entity, **{name: entities})
        if "__any" not in name and "__none" not in name:
            yield read(f"{path}?sort=-{name}", entity, sort=entities)
    yield read("/teams/?heroes__exists=true", "Team", heroes=["Hero"])
    yield read("/badges/1/heroes/", "Badge", "Hero", "Award")
    yield read("/teams/1/heroes/", "Team", "Hero")
    both = [[("Team", "read")], [("Hero", "read")]]
    yield Ask("GET", "/teams/9/heroes/", both, statuses=(404,))
    yield read("/teams/1/heroes/?include=missions", "Team", "Hero", include=["Mission"])
    yield read("/teams/1/heroes/?powers__any__name=x", "Team", "Hero", powers__any__name=["Power"])
    yield read("/heroes/1/powers/", "Hero", "Power")
    yield read("/powers/fly/heroes/?include=badges", "Power", "Hero", include=["Badge", "Award"])
    yield read("/heroes/?no_such=1", "Hero")
    yield read("/heroes/x", "Hero")


def creating() -> Iterator[Ask]:
    hero = {"name": "New"}
    create = [[("Hero", "create")]]
    yield Ask("POST", "/teams/", [[("Team", "create")]], {"name": "New"}, returns=["Team"])
    power = {"code": "new", "name": "New"}
    yield Ask("POST", "/powers/", [[("Power", "create")]], power, returns=["Power"])
    yield Ask("POST", "/powers/bulk", [[("Power", "create")]], [power], returns=["Power"])
    yield Ask("POST", "/badges/", [[("Badge", "create")]], {"name": "New"}, returns=["Badge"])
    shown = ["Hero", "Power"]
    yield Ask("POST", "/heroes/", create, hero, returns=shown)
    yield Ask("POST", "/heroes/bulk", create, [hero, hero], returns=shown)
    yield Ask("POST", "/heroes/", create, {"nam": 1}, statuses=(422,))
    for value in (1, 99):
        team = ("body", "team_id")
        body = hero | {"team_id": value}
        statuses = (200,) if value == 1 else (409,)
        yield Ask(
            "POST",
            "/heroes/",
            create,
            body,
            refers=[(team, "Team")],
            returns=shown,
            statuses=statuses,
        )
        bulk = ("body", 1, "team_id")
        yield Ask(
            "POST",
            "/heroes/bulk",
            create,
            [hero, body],
            refers=[(bulk, "Team")],
            returns=shown,
            statuses=statuses,
        )
    keys = hero | {"power_codes": ["fly"]}
    yield Ask(
        "POST",
        "/heroes/",
        create,
        keys,
        refers=[(("body", "power_codes", 0), "Power")],
        returns=shown,
    )
    yield Ask(
        "POST",
        "/heroes/bulk",
        create,
        [keys],
        refers=[(("body", 0, "power_codes", 0), "Power")],
        returns=shown,
    )
    yield Ask(
        "POST",
        "/heroes/",
        create,
        hero | {"missions": [{"goal": "x"}]},
        makes=[(("body", "missions"), "Mission")],
        returns=[*shown, "Mission"],
    )
    yield Ask(
        "POST",
        "/heroes/",
        create,
        hero | {"missions": [{"goal": "x", "backup_id": 1}]},
        makes=[(("body", "missions"), "Mission")],
        refers=[(("body", "missions", 0, "backup_id"), "Hero")],
        returns=[*shown, "Mission"],
    )
    under = [[("Team", "read")], [("Hero", "create")]]
    yield Ask("POST", "/teams/1/heroes/", under, hero, returns=shown)
    yield Ask("POST", "/teams/9/heroes/", under, hero, statuses=(404,))
    yield Ask(
        "POST",
        "/teams/1/heroes/",
        under,
        keys,
        refers=[(("body", "power_codes", 0), "Power")],
        returns=shown,
    )
    yield Ask(
        "POST",
        "/teams/1/heroes/",
        under,
        hero | {"missions": [{"goal": "x"}]},
        makes=[(("body", "missions"), "Mission")],
        returns=[*shown, "Mission"],
    )
    mission = [[("Mission", "create")]]
    owner = ("body", "hero_id")
    for headers in ({}, {"Idempotency-Key": "one"}):
        yield Ask(
            "POST",
            "/missions/",
            mission,
            {"goal": "x", "hero_id": 2},
            refers=[(owner, "Hero")],
            returns=["Mission"],
            headers=headers,
        )
    award = {"hero_id": 2, "badge_id": 1}
    places: Places = [(owner, "Hero"), (("body", "badge_id"), "Badge")]
    yield Ask("POST", "/awards/", [[("Award", "create")]], award, refers=places, returns=["Award"])
    places = [(("body", 0, "hero_id"), "Hero"), (("body", 0, "badge_id"), "Badge")]
    yield Ask(
        "POST", "/awards/bulk", [[("Award", "create")]], [award], refers=places, returns=["Award"]
    )


def changing() -> Iterator[Ask]:
    update, delete = [[("Hero", "update")]], [[("Hero", "delete")]]
    shown = ["Hero", "Power"]
    for key in (1, 99):
        statuses = (200,) if key == 1 else (404,)
        yield Ask("PATCH", f"/heroes/{key}", update, {"age": 9}, statuses=statuses, returns=shown)
        yield Ask("PUT", f"/heroes/{key}", update, {"name": "x"}, statuses=statuses, returns=shown)
        yield Ask("DELETE", f"/heroes/{key}", delete, statuses=statuses)
        yield Ask("DELETE", f"/heroes/bulk?id={key}", delete, statuses=statuses)
        bulk = [{"id": key, "age": 9}]
        yield Ask("PATCH", "/heroes/bulk", update, bulk, statuses=statuses, returns=shown)
        yield Ask(
            "PATCH",
            f"/heroes/{key}",
            update,
            {"age": 9},
            headers={"If-Match": '"no"'},
            statuses=(412,) if key == 1 else (404,),
        )
    yield Ask("PATCH", "/heroes/1", update, {}, returns=shown)
    yield Ask("DELETE", "/heroes/bulk?id=1&id=2", delete)
    for value, statuses in ((2, (200,)), (99, (409,)), (None, (200,))):
        for method, rest in (("PATCH", {}), ("PUT", {"name": "x"})):
            team: Places = [(("body", "team_id"), "Team")] if value else []
            yield Ask(
                method,
                "/heroes/1",
                update,
                rest | {"team_id": value},
                refers=team,
                statuses=statuses,
                returns=shown,
            )
    yield Ask(
        "PATCH",
        "/heroes/bulk",
        update,
        [{"id": 1, "team_id": 2}],
        refers=[(("body", 0, "team_id"), "Team")],
        returns=shown,
    )
    for codes in (["see"], []):
        body: dict[str, Any] = {"power_codes": codes}
        powers: Places = [(("body", "power_codes", n), "Power") for n in range(len(codes))]
        yield Ask("PATCH", "/heroes/1", update, body, refers=powers, returns=shown)
        yield Ask("PUT", "/heroes/1", update, {"name": "x"} | body, refers=powers, returns=shown)
        powers = [(("body", 0, "power_codes", n), "Power") for n in range(len(codes))]
        yield Ask("PATCH", "/heroes/bulk", update, [{"id": 1} | body], refers=powers, returns=shown)
    yield Ask(
        "PATCH",
        "/missions/1",
        [[("Mission", "update")]],
        {"backup_id": 2},
        refers=[(("body", "backup_id"), "Hero")],
        returns=["Mission"],
    )
    for path, entity in (("/teams/2", "Team"), ("/badges/1", "Badge"), ("/powers/see", "Power")):
        body = {"name": "x"}
        yield Ask("PATCH", path, [[(entity, "update")]], body, returns=[entity])
        yield Ask("DELETE", path, [[(entity, "delete")]])
    yield Ask("PUT", "/teams/1", [[("Team", "update")]], {"name": "x"}, returns=["Team"])
    yield Ask("PUT", "/teams/9", [[("Team", "update")]], {"name": "x"}, statuses=(404,))
    yield Ask("DELETE", "/awards/1", [[("Award", "delete")]])
    yield Ask("DELETE", "/missions/1", [[("Mission", "delete")]])
    for code, exists in (("fly", True), ("new", False)):
        for headers in ({}, {"If-Match": "*"}, {"If-None-Match": "*"}):
            failed = (exists and "If-None-Match" in headers) or (
                not exists and "If-Match" in headers
            )
            yield Ask(
                "PUT",
                f"/powers/{code}",
                [[("Power", "update"), ("Power", "create")]],
                {"code": code, "name": "x"},
                returns=["Power"],
                exists=exists,
                headers=headers,
                statuses=(412,) if failed else (200,),
            )


def linking() -> Iterator[Ask]:
    needs = [[("Hero", "read")], [("Power", "read")], [("Hero", "update")]]
    for path, other, missing in (
        ("/heroes/1/powers/", "see", "no"),
        ("/powers/see/heroes/", "1", "99"),
    ):
        keys: list[Any] = [other] if other == "see" else [1]
        yield Ask("PUT", path, needs, keys)
        yield Ask("PUT", path, needs, [])
        yield Ask("PUT", f"{path}{other}", needs)
        yield Ask("PUT", f"{path}{missing}", needs, statuses=(404,))
        yield Ask("DELETE", f"{path}{missing}", needs, statuses=(404,))
    yield Ask("DELETE", "/heroes/1/powers/fly", needs)
    yield Ask("DELETE", "/powers/fly/heroes/1", needs)


@dataclass(frozen=True)
class Expected:
    """What the rules say about a response."""

    statuses: Sequence[int]
    loc: Sequence[Any] | None = None
    """The location of the first problem, of a refused request."""
    kind: str = ""


def expected(ask: Ask, rules: Rules, roles: Sequence[str] | None) -> Expected:
    """Return what the rules say about the response to a caller; None has no credentials."""
    steps = (_operation, _parameters, _body, _put, _returned)
    found = (step(ask, rules, roles) for step in steps)
    return next((one for one in found if one), Expected(ask.statuses))


def _refused(roles: Sequence[str] | None) -> Sequence[int]:
    return (401,) if roles is None else (403,)


def _operation(ask: Ask, rules: Rules, roles: Sequence[str] | None) -> Expected | None:
    for group in ask.needs:
        if not any(rules.allow(entity, action, roles) for entity, action in group):
            return Expected(_refused(roles), [])
    if "If-Match" in ask.headers and not rules.allow(ask.needs[0][0][0], "read", roles):
        return Expected(_refused(roles), [])
    is_invalid = "no_such" in ask.path or ask.path.endswith("/x") or ask.statuses == (422,)
    return Expected((422, 404)) if is_invalid else None


def _parameters(ask: Ask, rules: Rules, roles: Sequence[str] | None) -> Expected | None:
    for name, entities in ask.parameters:
        if not all(rules.allow(entity, "read", roles) for entity in entities):
            return Expected(_refused(roles), ["query", name])
    return None


def _body(ask: Ask, rules: Rules, roles: Sequence[str] | None) -> Expected | None:
    for place, entity in ask.makes:
        if not rules.allow(entity, "create", roles):
            return Expected(_refused(roles), place)
    for place, entity in ask.refers:
        if not rules.allow(entity, "read", roles):
            return Expected((409,), place, "no_target")
    return None


def _put(ask: Ask, rules: Rules, roles: Sequence[str] | None) -> Expected | None:
    """Return the response to a PUT that creates a row, or must not."""
    if len(ask.needs[0]) > 1:
        updates, creates = (rules.allow(*need, roles) for need in ask.needs[0])
        if ask.exists and not updates:
            return Expected(_refused(roles), [])
        if not ask.exists and not creates:
            return Expected((404,))
    return None


def _returned(ask: Ask, rules: Rules, roles: Sequence[str] | None) -> Expected | None:
    """Return the response to a caller who may not read what was written."""
    hidden = [one for one in ask.returns if not rules.allow(one, "read", roles)]
    return Expected((204,)) if hidden and ask.statuses == (200,) else None
