"""Checks the names that keys of the `api` block add. Reason to change: another such name."""

from crudgen.language.names import FieldName, NamingConventions
from crudgen.language.properties import keys_property
from crudgen.language.relations import NestedWrite, RelatedPath
from crudgen.language.schema import Entity
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.problems import Problems, quoted

from .missing_relations import Entities
from .relation_paths import joined_path


def check_related_names(
    written: WrittenSpec[EntitySpec],
    entity: Entity,
    entities: Entities,
    conventions: NamingConventions,
    problems: Problems,
) -> None:
    """Add a problem for each property or query parameter that an entity would have twice."""
    _check_properties(written, entity, entities, conventions, problems)
    _check_parameters(written, entity, entities, problems)


def _check_properties(
    written: WrittenSpec[EntitySpec],
    entity: Entity,
    entities: Entities,
    conventions: NamingConventions,
    problems: Problems,
) -> None:
    """Check the properties with keys of linked rows, such as `power_ids`."""
    if not entity.api.write:
        return
    taken: dict[str, str] = {}
    for field in (*entity.fields, *entity.computed):
        taken |= dict.fromkeys((field.attribute, field.json_name), f"field '{field.name}'")
    for relation in entity.relations:
        what = f"relation '{relation.name}'"
        taken |= dict.fromkeys((relation.attribute, relation.json_name), what)
    for name, nested in entity.api.write:
        if nested is not NestedWrite.KEYS:
            continue
        relation = entity.relation(name)
        location = written.locate_key("api", "write", name)
        added = keys_property(relation, entities[relation.target].key.name)
        if not FieldName.PATTERN.fullmatch(added):
            problem = f"the property {quoted(added)} has more than 60 characters"
            problems.add(location, problem, "shorten the name of the link")
        names = {added, conventions.json.convert(added)}
        other = next((taken[each] for each in names if each in taken), None)
        if other:
            what = f"the property {quoted(added)}, with keys of '{name}',"
            problem = f"{what} is already used by the {other}"
            problems.add(location, problem, "rename one of them")
        taken |= dict.fromkeys(names, f"keys of '{name}'")


def _check_parameters(
    written: WrittenSpec[EntitySpec], entity: Entity, entities: Entities, problems: Problems
) -> None:
    """Check that no two paths have the same parameter: a field can have the name `exists`."""
    seen: set[str] = set()
    for path in entity.api.related:
        name = _parameter_name(path, entity, entities)
        if name in seen:
            listed: list[str] = written.spec.api.related or []
            location = written.locate("api", "related", listed.index(str(path)))
            problem = f"two paths have the parameter {quoted(name)}"
            problems.add(location, problem, "remove one of them")
        seen.add(name)


def _parameter_name(path: RelatedPath, entity: Entity, entities: Entities) -> str:
    """Return the query parameter of a path: `team__name`, `heroes__any__age`, `heroes__exists`."""
    words: list[str] = []
    for step, is_many in zip(path.steps, path.to_many, strict=True):
        relation = entity.relation(step)
        words += [relation.json_name, "any"] if is_many else [relation.json_name]
        entity = entities[relation.target]
    if path.field is not None:
        return joined_path([*words, entity.field(path.field).json_name])
    return joined_path([*(words[:-1] if path.to_many[-1] else words), "exists"])
