"""Random keys of the `api` block about relations; the same for the same graph and seed."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from crudgen.language import Schema
from crudgen.language.names import FieldName
from crudgen.language.operations import Operation
from crudgen.language.relations import Relation, RelationKind
from crudgen.language.schema import Entity
from tests.support.random_graphs import Graph, random_texts


def random_api_texts(seed: int) -> Graph:
    """Return a random graph whose entities say what their API does with relations."""
    graph = random_texts(seed)
    random = Random(seed)  # noqa: S311 - the same at every run
    texts = {}
    for file, text in graph.texts.items():
        written = json.loads(text)
        entity = next(each for each in graph.schema.entities if each.name == written["name"])
        written["api"] = written.get("api", {}) | _Keys(graph.schema, entity, random).some()
        texts[file] = json.dumps(written)
    return replace(graph, texts=texts)


def random_api(seed: int) -> Schema:
    """Return the schema of `random_api_texts`."""
    return random_api_texts(seed).schema


class _Keys:
    """What the keys of an entity can contain."""

    def __init__(self, schema: Schema, entity: Entity, random: Random) -> None:
        self.entities = {each.name: each for each in schema.entities}
        self.entity = entity
        self.random = random

    def some(self) -> dict[str, Any]:
        """Return random keys with some of their entries, as many as their rules allow."""
        keys: dict[str, Any] = {}
        if self.operates(Operation.LIST, Operation.READ):
            keys["include"] = self.included()
            keys["counts"] = self.chosen(
                str(one.name) for one in self.entity.relations if one.is_many and self.offers(one)
            )
        if self.operates(Operation.LIST):
            keys["related"] = self.chosen(self.related(self.entity, "", steps=2))
        if self.operates(Operation.READ):
            to_one = {str(one.name) for one in self.entity.relations if not one.is_many}
            keys["embed"] = self.chosen(name for name in keys["include"] if name in to_one)
        keys["nested"] = self.chosen(str(one.name) for one in self.nested())
        if self.operates(Operation.CREATE, Operation.UPDATE, Operation.REPLACE):
            keys["write"] = self.one_side(
                {name: word for name, word in self.written() if self.random.random() < 0.5}
            )
        return {key: value for key, value in keys.items() if value or self.random.random() < 0.3}

    def one_side(self, written: Mapping[str, str]) -> dict[str, str]:
        """Return relations to write without the second side of a link of the entity to itself."""
        found: dict[str, str] = {}
        for name, word in written.items():
            relation = self.entity.relation(FieldName(name))
            is_own = relation.target == self.entity.name
            if word != "keys" or not (is_own and str(relation.inverse) in found):
                found[name] = word
        return found

    def operates(self, *operations: Operation) -> bool:
        return bool({*operations} & {*self.entity.api.operations})

    def offers(self, relation: Relation) -> bool:
        needed = Operation.LIST if relation.is_many else Operation.READ
        return needed in self.entities[relation.target].api.operations

    def chosen(self, names: Iterator[str]) -> list[str]:
        """Return up to five of the names, in any order."""
        every = sorted({*names})
        return self.random.sample(every, min(len(every), self.random.randint(0, 5)))

    def included(self, above: str = "", entity: Entity | None = None, steps: int = 3) -> list[str]:
        """Return paths over relations, each with its prefix."""
        found: list[str] = []
        share = 0.7 if steps == 3 else 0.3
        for relation in (entity or self.entity).relations if steps else ():
            if self.offers(relation) and self.random.random() < share:
                path = f"{above}{relation.name}"
                target = self.entities[relation.target]
                found += [path, *self.included(f"{path}__", target, steps - 1)]
        return found

    def related(self, entity: Entity, above: str, steps: int) -> Iterator[str]:
        """Yield paths to filter by."""
        for relation in entity.relations if steps else ():
            target = self.entities[relation.target]
            path = f"{above}{relation.name}"
            if relation.is_many and not self.offers(relation):
                continue
            if relation.kind is not RelationKind.MANY_TO_ONE and self.offers(relation):
                yield path
            if relation.is_many:
                path += "__any"
            for name in target.api.filter:
                yield f"{path}__{name}"
            if self.offers(relation):
                yield from self.related(target, f"{path}__", steps - 1)

    def nested(self) -> Iterator[Relation]:
        for relation in self.entity.relations:
            is_link = relation.link is not None and not relation.link.via
            target = self.entities[relation.target]
            if relation.is_many and not is_link and Operation.LIST in target.api.operations:
                yield relation

    def written(self) -> Iterator[tuple[str, str]]:
        for relation in self.entity.relations:
            target = self.entities[relation.target].api.operations
            creates = self.operates(Operation.CREATE) and Operation.CREATE in target
            if relation.kind is RelationKind.ONE_TO_MANY and creates:
                yield str(relation.name), "create"
            is_link = relation.link is not None and not relation.link.via
            changes = self.operates(Operation.CREATE, Operation.UPDATE, Operation.REPLACE)
            if is_link and changes and Operation.LIST in target:
                yield str(relation.name), "keys"
