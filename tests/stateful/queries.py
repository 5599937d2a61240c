"""Random queries of the lists of the two entities."""

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from tests.stateful.fields import Entity
from tests.support.list_query import OPERATORS, Filter, ListQuery

SIMPLE = {"eq", "ne", "lt", "lte", "gt", "gte", "in", "not_in", "isnull"}
MANY = {"in", "not_in"}


def filters(entity: Entity) -> SearchStrategy[tuple[Filter, ...]]:
    def one_of(name: str) -> SearchStrategy[Filter]:
        field = entity.fields.get(name)
        values = st.integers(0, 30) if field is None else st.sampled_from(field.good)
        operators = SIMPLE | (OPERATORS.keys() if field and field.kind == "text" else set())
        if field and field.kind == "word":
            operators = {"eq", "ne", *MANY}
        if not (field and field.optional):
            operators -= {"isnull"}

        def sent(operator: str) -> SearchStrategy[Filter]:
            chosen = st.lists(
                st.booleans() if operator == "isnull" else values,
                min_size=1,
                max_size=3 if operator in MANY else 1,
            )
            return st.tuples(st.just(name), st.just(operator), chosen)

        return st.sampled_from(sorted(operators)).flatmap(sent)

    names = [name for name in entity.shown if name not in entity.server_sets]
    some = st.sampled_from([*names, entity.key]).flatmap(one_of)
    return st.lists(some, max_size=2, unique_by=lambda one: one[:2]).map(tuple)


def queries(entity: Entity) -> SearchStrategy[ListQuery]:
    some = st.sampled_from(entity.shown)
    order = st.tuples(st.sampled_from(["", "-"]), some).map("".join)
    return st.builds(
        ListQuery,
        filters=filters(entity),
        sort=st.lists(order, max_size=3, unique_by=lambda one: one.removeprefix("-")).map(tuple),
        words=st.sampled_from([(), (), ("a",), ("É",), ("%",), ("_",), ("a", "É")]),
        fields=st.lists(some, max_size=2, unique=True).map(tuple),
        offset=st.sampled_from([None, None, 0, 1, 3, 20]),
        limit=st.sampled_from([None, None, 1, 2, 3, 10]),
        count=st.booleans(),
    )
