"""Resolves links: many-to-many relations. Reason to change: the keys of a link."""

from collections.abc import Iterator
from functools import partial

from crudgen.language.names import FieldName
from crudgen.language.relations import Link, RelationKind
from crudgen.language.written.relations import LinkSpec
from crudgen.language.yaml.problems import quoted

from .draft import Draft, Drafts
from .link_tables import entity_of_link, link_table
from .relation_ends import RelationEnd


def link_ends(draft: Draft, drafts: Drafts) -> Iterator[tuple[RelationEnd, RelationEnd | None]]:
    """Yield both ends of each link of an entity, and add the link tables to it."""
    for name, spec in draft.written.spec.links.items():
        link = _resolve_link(draft, name, drafts)
        if link is None:
            continue
        if not link.via:
            draft.links[name] = link
        near, far = link.ends
        inverse = str(draft.identity.plural) if spec.inverse is None else spec.inverse
        own = RelationEnd(
            draft,
            name,
            partial(draft.written.locate_key, "links", name),
            "",
            RelationKind.MANY_TO_MANY,
            drafts.by_name[spec.to],
            link=link,
            near=near,
            far=far,
            inverse=inverse or None,
        )
        yield own, _other_end(own, inverse, draft, spec) if inverse else None


def _other_end(own: RelationEnd, name: str, draft: Draft, spec: LinkSpec) -> RelationEnd:
    """Return the other end of a link."""
    option = "inverse" if spec.inverse else "to"
    return own._replace(
        owner=own.target,
        name=name,
        locate=partial(draft.written.locate, "links", own.name, option),
        option="inverse",
        target=draft,
        near=own.far,
        far=own.near,
        inverse=own.name,
    )


def _resolve_link(draft: Draft, name: str, drafts: Drafts) -> Link | None:
    """Return the table of a link, or None if it has an error."""
    spec, written, problems = draft.written.spec.links[name], draft.written, drafts.problems
    if not FieldName.PATTERN.fullmatch(name):
        problem = f"invalid link name {quoted(name)}"
        rule = FieldName.RULE.replace("field", "link")
        problems.add(written.locate_key("links", name), problem, rule)
        return None
    for key in ("inverse", "via", "table", "was"):
        if spec.is_set(key) and getattr(spec, key) is None:
            location = written.locate("links", name, key)
            problems.add(location, f"'{key}' is empty", "set a value, or remove it")
    target = drafts.find(spec.to, partial(written.locate, "links", name, "to"))
    locate_via = partial(written.locate, "links", name, "via")
    via = drafts.find(spec.via, locate_via) if spec.via else None
    if target is None or (spec.via and via is None):
        return None
    if target is draft and spec.inverse is None:
        problem = "a link of an entity to itself needs the name of its inverse"
        remedy = f"write '{{to: {spec.to}, inverse: other_{name}}}', or 'inverse: false'"
        problems.add(written.locate_key("links", name), problem, remedy)
        return None
    if via is None:
        return link_table(draft, name, target, drafts)
    if spec.table is not None:
        location = written.locate_key("links", name, "table")
        problems.add(location, "'table' and 'via' cannot be combined", "remove one of them")
    if spec.was is not None:
        location = written.locate_key("links", name, "was")
        problem = "'was' and 'via' cannot be combined"
        problems.add(location, problem, f"write 'was' at the entity, in {via.written.file}")
    return entity_of_link(draft, name, target, via, problems)
