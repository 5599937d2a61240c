"""The arguments of `crudgen access explain`. Reason to change: what they mean, or the output."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from crudgen.cli import console, source
from crudgen.cli.callers import named_caller, parse_key
from crudgen.errors import ArgumentError, CrudgenError

if TYPE_CHECKING:
    from crudgen.delivery.explaining import Explanation
    from crudgen.language.schema import Entity, Schema


@dataclass(frozen=True, slots=True)
class ExplainArguments:
    """The arguments of `crudgen access explain`."""

    words: Sequence[str]
    callers: Sequence[str]
    """The values of --as. Together, they say who the caller is."""
    body: str | None
    database: str | None
    entities: Path


def print_explanation(asked: ExplainArguments, *, as_json: bool) -> int:
    """Print whether the rules allow an operation, and why. Return the exit code."""
    schema, tree = source.render_to_serve(source.read(asked.entities))
    if schema.auth is None:
        raise CrudgenError("the spec has no callers: add 'auth' to crudgen.yaml")
    from crudgen.codegen.views.variables import Variables, folder_name  # noqa: PLC0415 -- lazy
    from crudgen.delivery.explaining import Question, explain  # noqa: PLC0415 -- lazy

    entity, key, action = _entity_key_and_operation(asked.words, schema)
    row_action = next((one for one in entity.actions if one.name == action), None)
    right = action if row_action is None else str(row_action.right)
    if asked.body is not None and action not in {"create", "update"}:
        raise ArgumentError(f"--body is for create and update, not for {action}")
    question = Question(
        folder=str(folder_name(entity.plural)),
        resource=str(Variables(entity).resource),
        entity=str(entity.name),
        action=right,
        is_function=row_action is not None,
        caller=named_caller(asked.callers, schema) if asked.callers else None,
        key=key,
        body=asked.body or "{}",
    )
    found = explain(tree, asked.database, question)
    places = dict(_places_of_rules(entity, right))
    if as_json:
        typer.echo(
            json.dumps(_explanation_as_json(found, question.entity, key, action, places), indent=2)
        )
    else:
        row = f"{question.entity}" if key is None else f"{question.entity} {key}"
        console.say(f"{action} {row}: {'allowed' if found.allowed else 'denied'}")
        console.say(f"  {found.reason}")
        for line in _rule_lines(found, places):
            console.say(line)
    return 0 if found.allowed else 1


def _entity_key_and_operation(words: Sequence[str], schema: "Schema") -> tuple["Entity", Any, str]:
    """Return the entity, the key and the operation that the arguments name."""
    from crudgen.language.access import Action  # noqa: PLC0415 -- lazy
    from crudgen.language.yaml.problems import suggest  # noqa: PLC0415 -- lazy

    if len(words) not in {2, 3}:
        raise ArgumentError("write: crudgen access explain ENTITY [KEY] OPERATION")
    name, action = words[0], words[-1]
    by_name = {str(one.name).lower(): one for one in schema.entities}
    entity = by_name.get(name.lower())
    if entity is None:
        names = [str(one.name) for one in schema.entities]
        raise ArgumentError(f"no entity is called {name!r}; {suggest(name, names)}")
    known = [*map(str, Action), *(str(one.name) for one in entity.actions)]
    if action not in known:
        raise ArgumentError(f"unknown operation {action!r}; {suggest(action, known)}")
    if (len(words) == 2) != (action == Action.CREATE):
        needs = "needs no key" if action == Action.CREATE else "needs the key of a row"
        raise ArgumentError(f"{action} {needs}")
    return entity, parse_key(entity, words[1]) if len(words) == 3 else None, action


def _places_of_rules(entity: "Entity", action: str) -> Iterator[tuple[str, str]]:
    """Yield each rule of an action as text, with its place in the spec."""
    from crudgen.codegen.views.rule_conditions import text_of  # noqa: PLC0415 -- lazy
    from crudgen.language.access import Action  # noqa: PLC0415 -- lazy

    if entity.access is not None:
        for one in (Action.READ, *(right for right in entity.access.rights if right == action)):
            for rule in entity.access.without_tenant.rules(one):
                text = f"{rule.who} if {text_of(rule.condition, entity)}"
                yield text, f"{entity.file}:{rule.line}"


def _rule_lines(found: "Explanation", places: Mapping[str, str]) -> Iterator[str]:
    for rule, parts in found.rules:
        place = f"  {places[rule]}" if rule in places else ""
        yield f"  - {rule}{place}"
        width = max(len(one.condition) for one in parts)
        for one in parts:
            yield f"      {one.condition.ljust(width)}  {_values_text(one.values)}"


def _values_text(values: Mapping[str, bool | None]) -> str:
    words = {True: "yes", False: "NO", None: "NO (null)"}
    if len({*values.values()}) == 1:
        return words[next(iter(values.values()))]
    return ", ".join(f"{when} {words[value]}" for when, value in values.items())


def _explanation_as_json(
    found: "Explanation", entity: str, key: Any, action: str, places: Mapping[str, str]
) -> dict[str, Any]:
    rules = [
        {"rule": rule, "place": places.get(rule), "parts": [asdict(one) for one in parts]}
        for rule, parts in found.rules
    ]
    return {
        "entity": entity,
        "key": None if key is None else str(key),
        "operation": action,
        "allowed": found.allowed,
        "reason": found.reason,
        "rules": rules,
    }
