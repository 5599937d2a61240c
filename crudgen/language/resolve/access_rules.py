"""Compares the rules of entities. Reason to change: what a rule means for related rows."""

from collections.abc import Iterable, Iterator, Mapping

from crudgen.language.access import WRITE, Access, Action, allows_callers
from crudgen.language.names import ClassName, FieldName
from crudgen.language.operations import Operation
from crudgen.language.relations import NestedWrite
from crudgen.language.schema import Entity
from crudgen.language.written.reading import WrittenSpec
from crudgen.language.written.spec import EntitySpec
from crudgen.language.yaml.problems import Problems

_RETURNING = {Operation.LIST, Operation.READ}


def check_access(
    entities: Iterable[tuple[WrittenSpec[EntitySpec], Entity]], problems: Problems
) -> None:
    """Check that callers may read the rows that they may change, and the related rows shown."""
    written = [*entities]
    by_name = {entity.name: entity for _, entity in written}
    for spec, entity in written:
        if entity.access is not None:
            _check_changed_rows_readable(spec, entity.access, problems)
            _check_shown_rows_readable(spec, entity, entity.access, by_name, problems)


def _check_changed_rows_readable(
    written: WrittenSpec[EntitySpec], access: Access, problems: Problems
) -> None:
    """Check that whoever may change or delete a row may read it too."""
    rules = written.spec.access
    for action in access.rights:
        for who in access.allowed_callers(action) if action != Action.CREATE else ():
            if not allows_callers(access.allowed_callers(Action.READ), who):
                key: str = WRITE if isinstance(rules, dict) and WRITE in rules else action
                path: tuple[str, ...] = ("access", key)
                if not isinstance(action, Action):
                    path, key = ("actions", action, "access"), "access"
                problem = f"{who!r} may {action} rows, but may not read them"
                remedy = f"remove it from {str(key)!r}, or add it to 'read'"
                problems.add(written.locate_key(*path), problem, remedy)
                return


def _check_shown_rows_readable(
    written: WrittenSpec[EntitySpec],
    entity: Entity,
    access: Access,
    entities: Mapping[ClassName, Entity],
    problems: Problems,
) -> None:
    """Check that whoever may read a row may read the related rows that responses always show."""
    for key, name in _relations_always_shown(entity):
        relation = entity.relation(name)
        tables = [relation.target]
        if relation.link is not None and relation.link.via:
            tables.append(relation.link.name)
        for target in (entities[table] for table in tables):
            hidden = [
                who
                for who in access.allowed_callers(Action.READ)
                if target.access is not None
                and not allows_callers(target.access.allowed_callers(Action.READ), who)
            ]
            if hidden:
                problem = (
                    f"{hidden[0]!r} may read {entity.name}, but not {target.name},"
                    f" which {key!r} shows"
                )
                remedy = f"let {hidden[0]!r} read {target.name}, or remove {name!r} from {key!r}"
                problems.add(written.locate_key("api", key), problem, remedy)
                break


def _relations_always_shown(entity: Entity) -> Iterator[tuple[str, FieldName]]:
    """Yield the key in `api` and the name of each relation that all responses show."""
    api = entity.api
    if _RETURNING & {*api.operations}:
        yield from (("counts", name) for name in api.counts)
        yield from (("write", name) for name, kind in api.write if kind is NestedWrite.KEYS)
    yield from (("embed", name) for name in api.embed)
