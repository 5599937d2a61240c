"""Compares the names of relations with others. Reason to change: which names are taken."""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from crudgen.language.names import AttributeName, Case, FieldName, JsonName, NamingConventions
from crudgen.language.properties import MAX_PLURAL, count_property, more_property
from crudgen.language.relations import Link, LinkEnd, Relation, RelationKind
from crudgen.language.reserved import attribute_for, attribute_problem, json_name_problem
from crudgen.language.yaml.locations import Location
from crudgen.language.yaml.problems import Problems, quoted

from .draft import Draft, Drafts

PATH_WORDS = ("any", "none", "exists")
"""Words of paths such as `heroes__any__name`, which no relation can have as its name."""
NO_WORDS = ("false", "none", "null")
"""Words for no relation, which no relation can have as its name either."""


class RelationEnd(NamedTuple):
    """A relation from the view of one entity, as named in a spec."""

    owner: Draft
    name: str
    locate: Callable[[], Location]
    """Returns where the name is written, or what it is derived from."""
    option: str
    """The option that sets the name: `relation` or `inverse`; "" if it is the key of a link."""
    kind: RelationKind
    target: Draft
    by: FieldName | None = None
    link: Link | None = None
    near: LinkEnd | None = None
    far: LinkEnd | None = None
    inverse: str | None = None
    """The name of the other end, or None if the target does not have it."""
    order: tuple[tuple[FieldName, bool], ...] = ()

    @property
    def rename_remedy(self) -> str:
        """What to do if the name is taken."""
        if not self.option:
            return "rename the link"
        role = self.inverse if self.option == "inverse" else "other"
        name = f"{role}_{self.name}"
        if self.link:
            return f"set another name: '{{to: {self.owner.identity.name}, inverse: {name}}}'"
        return f"set another name, such as {self.option}({name})"


def add_relations(draft: Draft, ends: Iterable[RelationEnd], drafts: Drafts) -> None:
    """Add the relations with valid names to an entity."""
    fields = {
        name
        for field in (*draft.fields.values(), *draft.computed.values())
        for name in (field.attribute, field.json_name)
    }
    taken: dict[str, Relation] = {}
    for end in ends:
        relation = _resolve_relation(end, drafts.conventions, drafts.problems)
        if relation is None:
            continue
        names = _python_and_json_names(relation, drafts.conventions)
        if fields.isdisjoint(names) and taken.keys().isdisjoint(names):
            draft.relations[relation.name] = relation
        else:
            name = next(name for name in names if name in fields or name in taken)
            problem = _collision_problem(draft, relation, name, taken.get(name))
            drafts.problems.add(end.locate(), problem, end.rename_remedy)
        taken |= dict.fromkeys(names, relation)


def _collision_problem(draft: Draft, relation: Relation, name: str, other: Relation | None) -> str:
    """Return the problem that a name of a relation is also that of a field or relation."""
    owner, own = draft.identity.name, quoted(str(relation.name))
    if other and other.name == relation.name:
        return f"two relations of {owner} would be called {own}"
    what = f"the relation {quoted(str(other.name))}" if other else "a field"
    if name in (relation.attribute, relation.json_name):
        return f"the relation {own} of {owner} has the name of {what}"
    return f"the relation {own} of {owner} adds the property {quoted(name)}, the name of {what}"


def _python_and_json_names(relation: Relation, conventions: NamingConventions) -> tuple[str, ...]:
    """Return the names that a relation and its properties have in Python and in JSON."""
    if not relation.is_many:
        return (relation.attribute, relation.json_name)
    more, count, sent = more_property(relation), count_property(relation), conventions.json
    return (
        relation.attribute,
        relation.json_name,
        more,
        sent.convert(more),
        count,
        sent.convert(count),
    )


def _resolve_relation(
    end: RelationEnd, conventions: NamingConventions, problems: Problems
) -> Relation | None:
    """Return a relation, or None if its name is invalid."""
    name = _valid_field_name(end.name)
    if name is None:
        problem = f"invalid relation name {quoted(end.name)}"
        problems.add(end.locate(), problem, FieldName.RULE.replace("field", "relation"))
        return None
    attribute, json_name = _default_relation_names(name, conventions.json)
    if attribute is None:
        problem = f"the relation name {quoted(end.name)} is reserved"
        problems.add(end.locate(), problem, _reserved_remedy(end, name, json_name))
        return None
    if end.kind in (RelationKind.ONE_TO_MANY, RelationKind.MANY_TO_MANY) and len(name) > MAX_PLURAL:
        problem = f"the relation name {quoted(end.name)} has {len(name)} characters"
        rule = f"at most {MAX_PLURAL} characters: the API adds '_count' to it"
        problems.add(end.locate(), problem, rule)
        return None
    return Relation(
        name,
        attribute,
        json_name,
        end.kind,
        end.target.identity.name,
        by=end.by,
        link=end.link,
        near=end.near,
        far=end.far,
        inverse=_valid_field_name(end.inverse or ""),
        order=end.order,
    )


@lru_cache(maxsize=65_536)
def _valid_field_name(text: str) -> FieldName | None:
    return FieldName(text) if FieldName.PATTERN.fullmatch(text) else None


@lru_cache(maxsize=65_536)
def _default_relation_names(name: FieldName, case: Case) -> tuple[AttributeName | None, JsonName]:
    """Return the attribute and the JSON name of a relation; no attribute if a name is reserved."""
    json_name = JsonName(case.convert(name))
    problem = json_name_problem(name) or json_name_problem(json_name) or attribute_problem(name)
    if problem or name in PATH_WORDS or name in NO_WORDS:
        return None, json_name
    return AttributeName(attribute_for(name)), json_name


def _reserved_remedy(end: RelationEnd, name: FieldName, json_name: JsonName) -> str:
    """Return what to do about a name that no relation can have."""
    if name in NO_WORDS and end.option == "inverse":
        long = f"{{type: reference, to: {end.owner.identity.name}, inverse: false}}"
        return f"for no relation, write '{long}'"
    if json_name_problem(name) or json_name_problem(json_name):
        other = re.sub("__+", "_", name).strip("_")
        return f"'__' separates the names of a path: write '{other}'"
    return end.rename_remedy
