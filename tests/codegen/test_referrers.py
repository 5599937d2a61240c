"""Which entities have rows that the database may refuse to delete."""

from dataclasses import replace

from crudgen.codegen.views.referrers import changes_reference, possibly_undeletable, sets_reference
from crudgen.language import load_texts
from crudgen.language.names import ClassName
from crudgen.language.relations import OnDelete, Reference
from crudgen.language.schema import Constant, Entity

RESTRICT, CASCADE, SET_NULL = OnDelete


def entity(name: str, **references: OnDelete) -> Entity:
    """Return an entity whose fields refer to the entities of the same names."""
    fields = "".join(f"  to_{target.lower()}: int?\n" for target in references)
    (one,) = load_texts({"one.yaml": f"name: {name}\nfields:\n  name: str\n{fields}"}).entities
    targets = {f"to_{target.lower()}": target for target in references}
    return replace(
        one,
        fields=tuple(
            replace(field, reference=Reference(ClassName(target), references[target]))
            if (target := targets.get(field.name)) is not None
            else field
            for field in one.fields
        ),
    )


def kept(*entities: Entity) -> set[str]:
    return set(map(str, possibly_undeletable(entities)))


def test_what_only_rows_that_go_too_refer_to_is_deleted() -> None:
    one, two = entity("One"), entity("Two", One=CASCADE)
    assert kept(one, two, entity("Three", One=SET_NULL, Two=CASCADE)) == set()


def test_a_row_behind_a_cascade_keeps_it() -> None:
    one, two = entity("One"), entity("Two", One=CASCADE)
    assert kept(one, two, entity("Three", Two=RESTRICT)) == {"One", "Two"}
    diamond = entity("Three", One=CASCADE, Two=CASCADE)
    assert kept(one, two, diamond) == set()


def test_a_circle_of_cascades_can_be_too_long() -> None:
    assert kept(entity("Tree", Tree=CASCADE)) == {"Tree"}
    circle = entity("One", Two=CASCADE), entity("Two", One=CASCADE)
    assert kept(*circle, entity("Three"), entity("Four", Three=CASCADE)) == {"One", "Two"}
    assert kept(entity("Tree", Tree=SET_NULL)) == set()


def test_which_operations_set_a_reference() -> None:
    plain = entity("One")
    assert not sets_reference(plain)
    (*rest, field) = entity("One", Two=RESTRICT).fields
    for change, sets, changes in (
        ({}, True, True),
        ({"immutable": True}, True, False),
        ({"read_only": True, "default": Constant(None)}, False, False),
        ({"read_only": True, "default": Constant(7)}, True, False),
    ):
        changed = replace(plain, fields=(*rest, replace(field, **change)))
        assert (sets_reference(changed), changes_reference(changed)) == (sets, changes), change
