"""Breaks circles of references between tables. Reason to change: which reference breaks one."""

from collections.abc import Iterator
from dataclasses import replace

from crudgen.language.relations import Reference
from crudgen.language.schema import Field

from .acyclic import AcyclicGraph
from .draft import Draft, Drafts


def resolve_circles(drafts: Drafts) -> None:
    """Mark optional references that close a circle of tables with `use_alter`, in order of names.

    Their constraints are added when all tables exist. A circle of required references is a problem:
    no row could be the first one.
    """
    graph = AcyclicGraph(sorted(drafts.by_name))
    references = [*_references(drafts)]
    for draft, field, reference in references:
        name, target = draft.identity.name, reference.target
        if not field.optional and not graph.add(name, target):
            _report_circle(draft, field, graph.path(target, name), drafts)
    for draft, field, reference in references:
        name, target = draft.identity.name, reference.target
        if field.optional and name != target and not graph.add(name, target):
            marked = replace(reference, use_alter=True)
            draft.fields[field.name] = replace(field, reference=marked)


def _references(drafts: Drafts) -> Iterator[tuple[Draft, Field, Reference]]:
    """Yield all references, by name."""
    for _, draft in sorted(drafts.by_name.items()):
        references = [field for field in draft.fields.values() if field.reference]
        for field in sorted(references, key=lambda field: field.name):
            if field.reference:
                yield draft, field, field.reference


def _report_circle(draft: Draft, field: Field, path: list[str], drafts: Drafts) -> None:
    """Add a problem at a reference that closes a circle; `path` leads back to its entity."""
    name, target = draft.identity.name, path[0]
    location = draft.written.locate("fields", field.name, "to")
    if target == name:
        problem = f"each {name} requires another {name}, so no row could be the first one"
        remedy = f"make the reference optional: '-> {target}?'"
    else:
        around = " -> ".join([name, *path])
        problem = f"a circle of required references: {around}"
        remedy = f"no row could be the first one: make one of them optional, such as '-> {target}?'"
    drafts.problems.add(location, problem, remedy)
