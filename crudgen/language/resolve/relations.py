"""Resolves both ends of references and links. Reason to change: how relations are named."""

from collections.abc import Iterator
from functools import partial

from crudgen.language.relations import RelationKind
from crudgen.language.written.relations import ReferenceSpec
from crudgen.language.yaml.problems import Problems, quoted

from .draft import Draft, Drafts
from .links import link_ends
from .relation_ends import RelationEnd, add_relations


def resolve_relations(drafts: Drafts) -> None:
    """Add the relations to all entities: those of their references and links, then the inverses."""
    ends: dict[str, tuple[list[RelationEnd], list[RelationEnd]]] = {
        name: ([], []) for name in drafts.by_name
    }
    for name, draft in sorted(drafts.by_name.items()):
        for near, far in [*_reference_ends(draft, drafts), *link_ends(draft, drafts)]:
            ends[name][0].append(near)
            if far:
                ends[far.owner.identity.name][1].append(far)
    for name, (own, inverses) in ends.items():
        add_relations(drafts.by_name[name], [*own, *inverses], drafts)


def _reference_ends(
    draft: Draft, drafts: Drafts
) -> Iterator[tuple[RelationEnd, RelationEnd | None]]:
    """Yield the relation of each reference of an entity, and its inverse."""
    for name, spec in draft.written.spec.fields.items():
        field = draft.fields.get(name)
        if not isinstance(spec, ReferenceSpec) or field is None or field.reference is None:
            continue
        if spec.write_only:
            _check_sets_no_relation(draft, name, spec, drafts.problems)
            continue
        target = drafts.by_name[field.reference.target]
        written = _relation_name(draft, name, spec, target, drafts.problems)
        if written is None:
            continue
        option, relation = written
        locate = partial(draft.written.locate, "fields", name)
        locate_key = partial(draft.written.locate_key, "fields", name)
        inverse = spec.inverse
        if inverse is None:
            identity = draft.identity
            inverse = str(identity.singular if spec.unique else identity.plural)
        near = RelationEnd(
            draft,
            relation,
            partial(locate, option) if option else locate_key,
            "relation",
            RelationKind.MANY_TO_ONE,
            target,
            by=field.name,
            inverse=inverse or None,
        )
        if not inverse:
            yield near, None
            continue
        option = "inverse" if spec.is_set("inverse") else "to"
        far = RelationEnd(
            target,
            inverse,
            partial(locate, option),
            "inverse",
            RelationKind.ONE_TO_ONE if spec.unique else RelationKind.ONE_TO_MANY,
            draft,
            by=field.name,
            inverse=relation,
            order=field.reference.order,
        )
        yield near, far


def _relation_name(
    draft: Draft, name: str, spec: ReferenceSpec, target: Draft, problems: Problems
) -> tuple[str, str] | None:
    """Return the option that sets the name of a relation ("" if it is derived), and the name."""
    if spec.relation is not None:
        return "relation", spec.relation
    key = target.key
    if key is None or name == "id":  # no reference is the primary key, which has this name
        return None
    ending = f"_{key.name}"
    if name.endswith(ending) and len(name) > len(ending):
        return "", name.removesuffix(ending)
    location = draft.written.locate_key("fields", name)
    problem = f"the name of a reference to {target.identity.name} must end in {quoted(ending)}"
    singular = target.identity.singular
    remedies = [
        f"rename it to '{name.removesuffix('_id')}{ending}'" if name != key.name else "",
        f"add 'relation({singular})'" if singular not in draft.written.spec.fields else "",
    ]
    problems.add(location, problem, ", or ".join(filter(None, remedies)))
    return None


def _check_sets_no_relation(
    draft: Draft, name: str, spec: ReferenceSpec, problems: Problems
) -> None:
    """Check that a write-only reference sets no `relation`, `inverse` or `order`: it has none."""
    for key in ("relation", "inverse", "order"):
        if spec.is_set(key) and getattr(spec, key) is not False:
            location = draft.written.locate_key("fields", name, key)
            problem = f"'{key}' is not possible with 'write_only': the reference has no relation"
            problems.add(location, problem, "remove one of them")
