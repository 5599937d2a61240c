"""Random changes of random specs: of fields, references, links, entities and their names."""

import random
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace

from tests.evolution.random_specs import (
    NAMES,
    TEAM_KEYS,
    Field,
    Link,
    World,
    link_names,
    random_field,
    random_reference,
)
from tests.evolution.row_model import Problem

Random = random.Random
RENAMED = [
    ("enum(crimson, lime)", {"red": "crimson", "green": "lime"}),
    ("enum(red)", {"green": "red"}),
    ("enum(lime, red, blue)", {"green": "lime"}),
]


@dataclass
class Change:
    """Another spec, and the options of the command."""

    world: World
    what: list[str]
    """The kinds of changes."""
    drops: set[Problem] = field(default_factory=set)
    """Former columns of heroes, and tables."""
    fills: list[str] = field(default_factory=list)
    integers: list[str] = field(default_factory=list)


def random_change(rng: Random, before: World) -> Change:
    """Return a change of a spec, which may not be valid."""
    change = Change(deepcopy(before), [])
    for _ in range(rng.randint(1, 4)):
        what = rng.choice(list(CHANGES))
        if CHANGES[what](rng, change, before):
            change.what.append(what)
    after = change.world
    required = [name for name, one in after.fields.items() if not one.optional and not one.default]
    change.fills = [name for name in required if rng.random() < 0.7]
    change.integers = [name for name in after.fields if rng.random() < 0.7]
    names = {*after.fields, *map(after.column, after.fields)}
    tables = {table.name for table in after.tables()}
    change.drops = {
        (after.table, column) if column else (table, None)
        for table, column in change.drops
        if (column not in names if column else table not in tables)
    }
    return change


def _free(change: Change, before: World) -> list[str]:
    return [one for one in NAMES if one not in change.world.fields and one not in before.fields]


def _plain(change: Change) -> list[str]:
    return [name for name, one in change.world.fields.items() if not name.endswith("_id")]


def _add(rng: Random, change: Change, before: World) -> bool:
    if not (free := _free(change, before)):
        return False
    change.world.fields[rng.choice(free)] = random_field(rng)
    return True


def _remove(rng: Random, change: Change, before: World) -> bool:
    if len(change.world.fields) < 2:
        return False
    name = rng.choice(list(change.world.fields))
    column = change.world.column(name)
    one = change.world.fields.pop(name)
    change.world.groups = [group for group in change.world.groups if name not in group[1]]
    if rng.random() < 0.5 and name in before.fields and one.was == before.fields[name].was:
        change.drops.add(("hero", column))
    return True


def _rename(rng: Random, change: Change, before: World) -> bool:
    names = [name for name in _plain(change) if name in before.fields]
    free = _free(change, before)
    if not names or not free:
        return False
    name, new = rng.choice(names), rng.choice(free)
    column = change.world.column(name)
    one = change.world.fields.pop(name)
    one.was, one.column = _former(new, column, one.was), ""
    change.world.fields[new] = one
    change.world.groups = [
        (kind, tuple(new if each == name else each for each in names))
        for kind, names in change.world.groups
    ]
    if rng.random() < 0.3 and column == name:  # the name is given to another field
        change.world.fields[name] = random_field(rng)
    return True


def _former(new: str, *names: str | tuple[str, ...]) -> tuple[str, ...]:
    former = [one for name in names for one in ([name] if isinstance(name, str) else name)]
    return tuple(one for one in dict.fromkeys(former) if one != new)


def _column(rng: Random, change: Change, before: World) -> bool:
    names = [name for name in _plain(change) if name in before.fields]
    if not names:
        return False
    name = rng.choice(names)
    one, old = change.world.fields[name], change.world.column(name)
    new = rng.choice([f"{name}_column", name.capitalize(), name])
    if new == old:
        return False
    one.column, one.was = "" if new == name else new, _former(new, old, one.was)
    return True


def _kind(rng: Random, change: Change, _before: World) -> bool:
    if not (names := _plain(change)):
        return False
    one = change.world.fields[rng.choice(names)]
    new = random_field(rng)
    one.kind, one.words, one.default = new.kind, {}, new.default
    one.extra = "" if new.kind in {"json", "bytes"} else one.extra
    return True


def _optional(rng: Random, change: Change, _before: World) -> bool:
    one = change.world.fields[rng.choice(list(change.world.fields))]
    one.optional = not one.optional
    return True


def _extra(rng: Random, change: Change, _before: World) -> bool:
    if not (names := _plain(change)):
        return False
    one, new = change.world.fields[rng.choice(names)], random_field(rng)
    one.extra = new.extra
    return True


def _words(rng: Random, change: Change, _before: World) -> bool:
    names = [
        name for name in _plain(change) if change.world.fields[name].kind.startswith("enum(red, g")
    ]
    if not names:
        return False
    one = change.world.fields[rng.choice(names)]
    one.kind, one.words = rng.choice(RENAMED)
    return True


def _team_reference(rng: Random, change: Change, _before: World) -> bool:
    was = change.world.fields["team_id"].was if "team_id" in change.world.fields else ()
    change.world.fields["team_id"] = replace(random_reference(rng), was=was)
    return True


def _on_delete(rng: Random, change: Change, _before: World) -> bool:
    names = [name for name, one in change.world.fields.items() if one.is_reference]
    if not names:
        return False
    one = change.world.fields[rng.choice(names)]
    one.extra = rng.choice(["", "cascade", "unique", *(["set_null"] if one.optional else [])])
    return True


def _boss(rng: Random, change: Change, _before: World) -> bool:
    change.world.fields["boss_id"] = Field(
        "-> hero", optional=True, extra=rng.choice(["", "set_null", "cascade"])
    )
    return True


def _guild(rng: Random, change: Change, _before: World) -> bool:
    one = Field("-> Guild", optional=rng.random() < 0.7)
    change.world.fields["guild_id"] = one
    return True


def _hero(rng: Random, change: Change, _before: World) -> bool:
    new = rng.choice([one for one in ("Hero", "Champion", "Fighter") if one != change.world.hero])
    change.world.hero_was = _former(new, change.world.hero, change.world.hero_was)
    change.world.hero = new
    return True


def _team(rng: Random, change: Change, _before: World) -> bool:
    new = rng.choice([one for one in ("Team", "Squad") if one != change.world.team])
    change.world.team_was = _former(new, change.world.team, change.world.team_was)
    change.world.team = new
    return True


def _team_key(rng: Random, change: Change, _before: World) -> bool:
    change.world.team_key = rng.choice(TEAM_KEYS)
    return True


def _link(rng: Random, change: Change, before: World) -> bool:
    """Add or remove a link."""
    name, to = rng.choice([("powers", "Power"), ("clubs", "team"), ("friends", "hero")])
    if name in change.world.links:
        del change.world.links[name]
        if rng.random() < 0.4:
            table, _, _ = link_names(before.table, name)
            change.drops.add((table, None))
    else:
        change.world.links[name] = Link(to)
    return True


def _link_name(rng: Random, change: Change, _before: World) -> bool:
    new_names = {"powers": "skills", "clubs": "circles", "friends": "mates"}
    names = [name for name in change.world.links if name in new_names]
    if not names:
        return False
    name = rng.choice(names)
    link = change.world.links.pop(name)
    new = new_names[name]
    change.world.links[new] = Link(link.to, _former(new, name, link.was))
    return True


def _via(rng: Random, change: Change, _before: World) -> bool:
    """Add or remove the entity of a link, or put it in place of a link table."""
    if change.world.via:
        change.world.via = ""
    elif "powers" in change.world.links and rng.random() < 0.6:
        del change.world.links["powers"]
        table, _, _ = link_names(change.world.table, "powers")
        change.world.via = rng.choice(["new", table])
    else:
        change.world.via = "new"
    return True


def _pet(rng: Random, change: Change, _before: World) -> bool:
    change.world.pet = rng.choice(["cascade", "restrict", ""])
    return True


def _group(rng: Random, change: Change, _before: World) -> bool:
    if change.world.groups and rng.random() < 0.5:
        change.world.groups.pop()
        return True
    names = [
        name for name in _plain(change) if change.world.fields[name].kind not in {"json", "bytes"}
    ]
    if len(names) < 2:
        return False
    change.world.groups.append((rng.choice(["unique", "index"]), tuple(rng.sample(names, 2))))
    return True


CHANGES: dict[str, Callable[[Random, Change, World], bool]] = {
    "add": _add,
    "remove": _remove,
    "rename": _rename,
    "column": _column,
    "type": _kind,
    "optional": _optional,
    "index or unique": _extra,
    "words": _words,
    "reference": _team_reference,
    "on_delete": _on_delete,
    "boss": _boss,
    "new entity": _guild,
    "rename the entity": _hero,
    "rename the target": _team,
    "key of the target": _team_key,
    "link": _link,
    "rename a link": _link_name,
    "via": _via,
    "other entity": _pet,
    "several fields": _group,
}
