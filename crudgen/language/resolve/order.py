"""Resolves the order of related rows. Reason to change: what rows can be sorted by."""

from dataclasses import replace

from crudgen.language.names import FieldName
from crudgen.language.schema import Field
from crudgen.language.types import TYPES
from crudgen.language.written.relations import ReferenceSpec
from crudgen.language.yaml.problems import Problems, quoted, suggest

from .draft import Draft


def with_order(draft: Draft, field: Field, problems: Problems) -> Field:
    """Return a reference with its `order`, by which the rows that refer to one row are sorted."""
    spec, reference = draft.written.spec.fields[field.name], field.reference
    if not isinstance(spec, ReferenceSpec) or reference is None or spec.order is None:
        return field
    path = ("fields", field.name, "order")
    if spec.unique or spec.inverse is False:
        problem = "'order' requires an inverse with several rows"
        problems.add(draft.written.locate_key(*path), problem, "remove it")
    found: dict[FieldName, bool] = {}
    allowed = [name for name, each in draft.fields.items() if _is_sortable(each)]
    for position, word in enumerate(spec.order):
        location = draft.written.locate(*path, position)
        name = word.removeprefix("-")
        if name in draft.written.broken or (
            name in draft.written.spec.fields and name not in draft.fields
        ):
            continue
        if name not in allowed:
            known = "" if name in draft.fields else name
            problems.add(location, f"cannot sort by {quoted(name)}", suggest(known, allowed))
        elif name in found:
            problems.add(location, f"the order has {quoted(name)} twice", "remove one of them")
        else:
            found[draft.fields[name].name] = word != name
    return replace(field, reference=replace(reference, order=tuple(found.items())))


def _is_sortable(field: Field) -> bool:
    return TYPES[field.type].ordered and not field.write_only
