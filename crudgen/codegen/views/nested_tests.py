"""View of the tests of rows under a row. Reason to change: what these tests send."""

from dataclasses import dataclass

from crudgen.codegen.code import Code, json_name, literal, raw
from crudgen.codegen.layout import Bracket, statement
from crudgen.language.schema import Field

from .collections import Collection
from .references import Entities
from .sample_rows import is_filled_by_tests, may_change_links, nested_collections


@dataclass(frozen=True, slots=True)
class NestedTestsView:
    """The collections that the tests use; None if there are none of a kind."""

    links: Code | None
    nested: Code | None


def nested_tests_view(entities: Entities) -> NestedTestsView | None:
    """Return the view of the tests of rows under a row; None if there are no such rows."""
    found = nested_collections(entities)
    links = [_link_item(one) for one in found if may_change_links(one, entities) and one.can_list]
    nested = [
        _nested_item(one, one.reference)
        for one in found
        if is_filled_by_tests(one) and one.can_list and one.reference
    ]
    if not (links or nested):
        return None
    return NestedTestsView(
        statement(raw("LINKS = "), Bracket("[", links, "]")) if links else None,
        statement(raw("NESTED = "), Bracket("[", nested, "]")) if nested else None,
    )


def _link_item(one: Collection) -> Bracket:
    items = (
        literal(f"{one.owner.path}/"),
        json_name(one.owner.key.json_name),
        literal(one.segment),
        literal(f"{one.target.path}/"),
        json_name(one.target.key.json_name),
    )
    return Bracket("(", items, ")")


def _nested_item(one: Collection, reference: Field) -> Bracket:
    items = (
        literal(f"{one.owner.path}/"),
        json_name(one.owner.key.json_name),
        literal(one.segment),
        literal(f"{one.target.path}/"),
        json_name(reference.json_name),
    )
    return Bracket("(", items, ")")
