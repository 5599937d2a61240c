"""Random specs of a few entities with references and links; the same for the same seed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from crudgen.language import Schema, load_texts

NAMES = (
    *("Node", "Optional", "Relationship", "Index", "ForeignKey", "Text", "Model", "Field"),
    *("BlogPost", "A", "HTTPServer", "Person", "Order", "Class", "List", "Annotated"),
)
"""Names of entities; the imports of generated modules have some of them."""
RELATIONS = ("list", "date", "int", "str", "class_x", "type", "id_", "x" * 50)
LINKS = ("list", "date", "dict", "x" * 18)
OPERATIONS = ("create", "list", "read", "update", "replace", "delete")
CASES = ("snake_case", "camelCase", "PascalCase")


@dataclass
class Graph:
    """A spec that is being built."""

    random: Random
    entities: list[dict[str, Any]] = field(default_factory=list)
    relations: int = 0

    def some(self, share: float = 0.5) -> bool:
        return self.random.random() < share

    def add_entity(self, name: str) -> None:
        entity: dict[str, Any] = {"name": name, "fields": {}}
        if self.some(0.3):
            entity["table"] = f"T {name}.{len(self.entities)}"
        kind = self.random.choice(("serial", "int", "uuid", "str", "str pattern"))
        if kind != "serial":
            key: dict[str, Any] = {"type": kind.split()[0], "pk": True}
            if "pattern" in kind:
                key["pattern"] = "[a-z]+"
            if self.some(0.2):
                key |= {"column": "The.Key", "json": "theKey"}
            entity["fields"][self.random.choice(("id", "code", "key"))] = key
        entity["fields"]["label"] = {"type": "str"}
        if self.some(0.2):
            kept = [one for one in OPERATIONS if self.some(0.7)]
            entity["api"] = {"operations": kept or ["list"]}
        self.entities.append(entity)

    def new_name(self, names: Sequence[str] = RELATIONS) -> str:
        self.relations += 1
        return f"{self.random.choice(names)}{self.relations}"

    def add_reference(self) -> None:
        """Add a reference. Only a required one to an earlier entity: such a circle has no row."""
        at = self.random.randrange(len(self.entities))
        to = self.random.randrange(len(self.entities))
        reference: dict[str, Any] = {"type": "reference", "to": self.entities[to]["name"]}
        if to >= at or self.some():
            reference["optional"] = True
        kinds = ["restrict", "cascade", *(["set_null"] if "optional" in reference else [])]
        reference["on_delete"] = self.random.choice(kinds)
        reference |= {key: True for key in ("unique", "immutable") if self.some(0.15)}
        if self.some(0.1):
            reference["write_only"] = True
        else:
            reference["relation"] = self.new_name()
            reference["inverse"] = False if self.some(0.15) else self.new_name()
        if self.some(0.15):
            reference |= {"column": f"Refers To {self.relations}", "json": f"to{self.relations}"}
        self.entities[at]["fields"][f"r{len(self.entities[at]['fields'])}"] = reference

    def add_link(self) -> None:
        one, other = (self.random.choice(self.entities) for _ in range(2))
        link: dict[str, Any] = {"to": other["name"], "inverse": self.new_name()}
        if one is other and self.some():
            link["inverse"] = False
        one.setdefault("links", {})[self.new_name(LINKS)] = link


def random_graph(seed: int) -> Schema:
    """Return a schema of 2 to 8 entities."""
    graph = Graph(Random(seed))  # noqa: S311 - the same at every run
    for name in graph.random.sample(NAMES, graph.random.randint(2, 8)):
        graph.add_entity(name)
    for _ in range(graph.random.randint(1, 2 * len(graph.entities))):
        graph.add_reference()
    for _ in range(graph.random.randint(0, 3)):
        graph.add_link()
    names = {"columns": graph.random.choice(CASES), "json": graph.random.choice(CASES[:2])}
    files = {f"e{index}.yaml": json.dumps(each) for index, each in enumerate(graph.entities)}
    return load_texts(files, json.dumps({"names": names}))
