"""Random specs whose entities refer to each other; the same for the same seed.

Every kind of reference, of key and of link occurs, and circles do.
"""

import json
from dataclasses import dataclass, field
from functools import cached_property
from random import Random
from typing import Any

from crudgen.language import Schema, load_texts

NAMES = (
    *("Team", "Hero", "OrderLine", "Category", "BlogPost", "Person", "HTTPServer", "A", "Child"),
    *(
        "Class",
        "Index",
        "Optional",
        "Relationship",
        "ForeignKey",
        "Text",
        "Model",
        "Field",
        "Note",
    ),
)
"""Names of entities; the imports of generated modules have some of them."""
ROLES = (
    *("owner", "parent", "home", "away", "boss", "next", "other", "class", "type", "from", "self"),
    *("model", "copy", "select", "order", "list", "date", "int", "str", "metadata"),
)
"""Names of relations; Python, SQL and the imports of generated modules have some of them."""
LINKS = ("talents", "friends", "tags", "members", "see_also", "list", "date", "dict")
KEYS: dict[str, dict[str, Any] | None] = {
    "serial": None,
    "named": {"type": "int", "pk": True, "read_only": True},
    "uuid": {"type": "uuid", "pk": True},
    "number": {"type": "int", "pk": True, "min": 1, "max": 10**6},
    "code": {"type": "str", "pk": True, "min": 2, "max": 12, "pattern": "[a-z0-9-]+"},
    "text": {"type": "str", "pk": True},
}
KEY_NAMES = {"named": "number", "uuid": "id", "number": "number", "code": "code", "text": "slug"}
OPERATIONS = ("create", "list", "read", "update", "replace", "delete", "create_many", "delete_many")
CONVENTIONS = (
    None,
    None,
    "names: {json: camelCase}",
    "names: {columns: PascalCase}",
    "names: {columns: camelCase, json: PascalCase}",
)


@dataclass(frozen=True)
class Graph:
    """Entities that refer to each other, as the texts of their files."""

    texts: dict[str, str]
    app: str | None = None

    @cached_property
    def schema(self) -> Schema:
        """Load the texts."""
        return load_texts(self.texts, self.app)


@dataclass
class _Maker:
    """Makes entities, and keeps the names of the relations that each one has so far."""

    random: Random
    names: list[str]
    kinds: dict[str, str] = field(default_factory=dict)
    taken: dict[str, set[str]] = field(default_factory=dict)
    entities: dict[str, dict[str, Any]] = field(default_factory=dict)

    def some(self, share: float = 0.5) -> bool:
        return self.random.random() < share

    def one(self, of: Any) -> Any:
        return self.random.choice(list(of))

    def make(self) -> None:
        for name in self.names:
            self.add_entity(name)
        for name in self.names:
            for _ in range(self.random.randint(0, 3)):
                self.add_reference(name)
        for _ in range(self.random.randint(0, 3)):
            self.add_link(self.one(self.names), self.one(self.names))
        if self.some(0.3):
            self.add_membership(self.one(self.names), self.one(self.names))

    def add_entity(self, name: str) -> None:
        kind = self.one(KEYS)
        self.kinds[name] = kind
        fields: dict[str, Any] = {}
        key = KEYS[kind]
        if key:
            named = {"column": "The.Key", "json": "theKey"} if self.some(0.2) else {}
            fields[KEY_NAMES[kind]] = {**key, **named}
        fields["title"] = {"type": "str", "max": self.one((20, 200)), "unique": self.some(0.2)}
        fields["size"] = {"type": "int", "optional": self.some()}
        self.entities[name] = {"name": name, "fields": fields}
        if self.some(0.2):
            self.entities[name]["table"] = f"T {name}.{len(self.entities)}"
        self.taken[name] = {*fields, "id", "name"}
        if self.some(0.3):
            kept = [each for each in OPERATIONS if self.some(0.7)]
            if kind in ("code", "text"):
                kept = [each for each in kept if not each.endswith("many")]
            self.entities[name]["api"] = {"operations": kept or ["list"]}

    def free(self, entity: str, wanted: str) -> str:
        """Return a name for a relation of an entity that it does not have yet."""
        name, number = wanted, 2
        while any(f"{name}{end}" in self.taken[entity] for end in ("", "_more", "_count")):
            name, number = f"{wanted}_{number}", number + 1
        self.taken[entity] |= {name, f"{name}_more", f"{name}_count"}
        return name

    def key_of(self, name: str) -> str:
        return KEY_NAMES.get(self.kinds[name], "id")

    def add_reference(self, owner: str, target: str | None = None, **options: Any) -> str:
        """Add a reference; without a target, to any entity. Return its name."""
        to = target or self.one(self.names)
        role = self.free(owner, self.one((*ROLES, to.lower())))
        name = f"{role}_{self.key_of(to)}"
        reference: dict[str, Any] = {"type": "reference", "to": to, **options}
        if target is None:
            reference |= self.flags(owner, to)
        if not reference.get("write_only"):
            if self.some(0.2):
                name = f"{self.free(owner, 'field')}_key"
                role = self.free(owner, self.one((role, "x" * 50)))
                reference["relation"] = role
            reference |= self.inverse(owner, to, role)
            is_many = reference.get("inverse") is not False and not reference.get("unique")
            if is_many and target is None and self.some(0.2):
                reference["order"] = self.one((["-size"], ["title"], ["size", "-title"]))
        if self.some(0.1):
            reference["column"] = f"{name} column"
        if self.some(0.1):
            reference["json"] = f"{role.replace('_', '')}Ref"
        self.entities[owner]["fields"][name] = reference
        self.taken[owner].add(name)
        return name

    def flags(self, owner: str, to: str) -> dict[str, Any]:
        """Return random flags. A required reference leads to an entity that was made earlier."""
        flags: dict[str, Any] = {}
        if self.names.index(to) >= self.names.index(owner) or self.some(0.4):
            flags["optional"] = True
        actions = ("restrict", "cascade", "set_null") if flags else ("restrict", "cascade")
        flags["on_delete"] = self.one(actions)
        for flag in ("unique", "immutable"):
            if self.some(0.2):
                flags[flag] = True
        access = self.one(("write_only", "read_only", *[""] * 6))
        if access == "write_only" or (access and flags.get("optional")):
            flags |= {access: True, "immutable": False}
        return flags

    def inverse(self, owner: str, to: str, role: str) -> dict[str, Any]:
        """Return the option that names the inverse, always: a derived name may be taken."""
        if self.some(0.15):
            return {"inverse": False}
        return {"inverse": self.free(to, f"{owner.lower()}s_by_{role[:20]}")}

    def add_link(self, owner: str, to: str, **options: Any) -> None:
        links = self.entities[owner].setdefault("links", {})
        name = self.free(owner, self.one(LINKS))
        inverse = False if self.some(0.2) else self.free(to, f"{name}_of_{owner.lower()}")
        link = {"to": to, "inverse": inverse, **options}
        if "via" not in options and self.some(0.3):
            link["table"] = f"Links {self.names.index(owner)} {name}"
        links[name] = link

    def add_membership(self, owner: str, to: str) -> None:
        """Add a link via an entity with columns of its own."""
        name = "Membership"
        self.names.append(name)
        self.add_entity(name)
        first = self.add_reference(name, owner, on_delete="cascade")
        second = self.add_reference(name, to, on_delete="cascade")
        self.entities[name]["unique"] = [[first, second]]
        self.add_link(owner, to, via=name)


def random_graph(seed: int) -> Schema:
    """Return the schema of 2 to 8 entities with references and links between them."""
    return random_texts(seed).schema


def random_texts(seed: int) -> Graph:
    """Return the texts of `random_graph`."""
    random = Random(seed)  # noqa: S311 - the same at every run
    names = random.sample(NAMES, random.randint(2, 7))
    maker = _Maker(random, names)
    maker.make()
    for entity in maker.entities.values():
        random.shuffle(columns := [*entity["fields"].items()])
        entity["fields"] = dict(columns)
    texts = {f"{name}.yaml": json.dumps(entity) for name, entity in maker.entities.items()}
    return Graph(texts, random.choice(CONVENTIONS))
