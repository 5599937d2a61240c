"""Breaks circles of references between tables. Reason to change: which reference breaks one."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from crudgen.language.relations import Reference
from crudgen.language.schema import Field

from .components import circle, components
from .draft import Draft, Drafts


def resolve_circles(drafts: Drafts) -> None:
    """Mark optional references, by name, until no circle of tables is left.

    The constraint of a marked reference is added when both tables exist. A circle of required
    references is a problem: no row can be the first one.
    """
    for required in components(_graph(drafts.by_name, drafts, optional=False)):
        _report(required, drafts)
    pending = [*components(_graph(drafts.by_name, drafts))]
    while pending:
        names = pending.pop()
        found = next(_references(names, drafts, optional=True), None)
        if found:
            draft, field, reference = found
            marked = replace(reference, use_alter=True)
            draft.fields[field.name] = replace(field, reference=marked)
            pending += components(_graph(names, drafts))


def _graph(
    names: Iterable[str], drafts: Drafts, *, optional: bool | None = None
) -> dict[str, list[str]]:
    """Return which of the entities refer to which of them: by references that are not marked."""
    graph: dict[str, list[str]] = {name: [] for name in sorted(names)}
    for draft, _, reference in _references(graph, drafts, optional=optional):
        graph[draft.identity.name].append(reference.target)
    return graph


def _references(
    names: Iterable[str], drafts: Drafts, *, optional: bool | None = None
) -> Iterator[tuple[Draft, Field, Reference]]:
    """Yield the references between different entities that are not marked, by name."""
    among = {*names}
    for name in sorted(among):
        for field in sorted(drafts.by_name[name].fields.values(), key=lambda field: field.name):
            reference = field.reference
            if reference is None or reference.use_alter or reference.target == name:
                continue
            if reference.target in among and optional in (None, field.optional):
                yield drafts.by_name[name], field, reference


def _report(names: Iterable[str], drafts: Drafts) -> None:
    """Add a problem at the first reference of a circle, with the way around it."""
    steps = circle(_graph(names, drafts, optional=False))
    edges: dict[tuple[str, str], tuple[Draft, Field]] = {
        (draft.identity.name, reference.target): (draft, field)
        for draft, field, reference in _references(steps, drafts, optional=False)
    }
    around = [edges[edge] for edge in zip(steps, [*steps[1:], steps[0]], strict=True)]
    path = ", ".join(f"{draft.identity.name}.{field.name}" for draft, field in around)
    draft, field = around[0]
    location = draft.written.locate("fields", field.name, "to")
    problem = f"a circle of required references: {path}"
    remedy = f"no row can be the first one; accept null in one of them: '-> {steps[1]}?'"
    drafts.problems.add(location, problem, remedy)
