"""Rules that hold for every graph of references and links.

`GRAPHS=2000 python -m pytest tests/language/test_graphs.py` is the extended run.
"""

import os
from graphlib import TopologicalSorter

import pytest

from crudgen.language import Schema, explain, load_texts
from crudgen.language.names import ClassName
from crudgen.language.relations import Relation, RelationKind
from crudgen.language.schema import Constant, Field
from tests.support.random_apis import random_api_texts
from tests.support.random_graphs import Graph, random_texts

pytestmark = pytest.mark.long

GRAPHS = int(os.environ.get("GRAPHS", "80"))


@pytest.fixture(params=range(4))
def graphs(request: pytest.FixtureRequest) -> list[Graph]:
    return [random_texts(seed) for seed in range(request.param, GRAPHS, 4)]


def test_explain_reads_back(graphs: list[Graph]) -> None:
    for graph in graphs:
        schema = graph.schema
        texts = {f"{one.name}.yaml": explain(one, schema.names) for one in schema.entities}
        assert load_texts(texts, graph.app) == schema


def test_explain_reads_back_the_keys_of_relations() -> None:
    for seed in range(0, GRAPHS, 2):
        graph = random_api_texts(seed)
        schema = graph.schema
        texts = {f"{one.name}.yaml": explain(one, schema.names) for one in schema.entities}
        assert load_texts(texts, graph.app) == schema


def test_the_order_of_files_has_no_meaning(graphs: list[Graph]) -> None:
    for graph in graphs:
        texts = dict(sorted(graph.texts.items(), reverse=True))
        assert load_texts(texts, graph.app) == graph.schema


def test_both_ends_of_a_relation_fit(graphs: list[Graph]) -> None:
    for graph in graphs:
        for owner in graph.schema.entities:
            for relation in owner.relations:
                target = graph.schema.entity(relation.target)
                if relation.inverse is None:
                    continue
                inverse = target.relation(relation.inverse)
                assert (inverse.target, inverse.inverse) == (owner.name, relation.name)
                assert (inverse.by, inverse.link) == (relation.by, relation.link)
                assert (inverse.near, inverse.far) == (relation.far, relation.near)
                assert inverse.kind in OPPOSITES[relation.kind]


OPPOSITES = {
    RelationKind.MANY_TO_ONE: {RelationKind.ONE_TO_MANY, RelationKind.ONE_TO_ONE},
    RelationKind.ONE_TO_MANY: {RelationKind.MANY_TO_ONE},
    RelationKind.ONE_TO_ONE: {RelationKind.MANY_TO_ONE},
    RelationKind.MANY_TO_MANY: {RelationKind.MANY_TO_MANY},
}


def test_names_are_unique(graphs: list[Graph]) -> None:
    for graph in graphs:
        for entity in graph.schema.entities:
            own: tuple[Field | Relation, ...] = (*entity.fields, *entity.relations)
            for names in (
                [str(each.attribute) for each in own],
                [str(each.json_name) for each in own],
                [field.column.lower() for field in entity.fields],
            ):
                assert len(names) == len({*names})


def test_tables_can_be_created_one_after_the_other(graphs: list[Graph]) -> None:
    """References that are added when all tables exist are optional, and break every circle."""
    marked = 0
    for graph in graphs:
        sorter: TopologicalSorter[str] = TopologicalSorter()
        for entity, field in references(graph.schema):
            assert field.reference is not None
            if field.reference.use_alter:
                marked += 1
                assert field.optional
            elif field.reference.target != entity:
                sorter.add(entity, field.reference.target)
        sorter.prepare()
    assert marked


def test_references_are_indexed_and_like_the_key(graphs: list[Graph]) -> None:
    for graph in graphs:
        for name, field in references(graph.schema):
            assert field.reference is not None
            entity, key = graph.schema.entity(name), graph.schema.entity(field.reference.target).key
            begun = {index.fields[0] for index in entity.indexes}
            assert field.unique or field.index or field.name in begun
            for attribute in LIKE_THE_KEY:
                assert getattr(field, attribute) == getattr(key, attribute)
            assert field.default == (Constant(None) if field.optional else None)


LIKE_THE_KEY = ("type", "minimum", "maximum", "min_length", "max_length", "pattern", "samples")


def references(schema: Schema) -> list[tuple[ClassName, Field]]:
    return [
        (entity.name, field)
        for entity in schema.entities
        for field in entity.fields
        if field.reference
    ]
