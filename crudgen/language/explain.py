"""Entities as YAML in the long form, with all defaults. Reason to change: another option.

Loading the YAML gives an equal entity.
"""

import json
import re
from collections.abc import Iterator, Sequence
from decimal import Decimal

from .access import Preset
from .checks import Check
from .conditions.text import condition_text
from .explained_rules import explained_rules, rules_for
from .names import SNAKE_CASE, NamingConventions
from .operations import CHANGING, CREATING, RELATION_KEYS, Operation
from .relations import Reference, Relation, RelationKind
from .resolve.checks import check_name
from .resolve.values import to_yaml_value
from .schema import Constant, Entity, Field, Now, RowAction
from .types import FLAGS, OPTIONS, REFERENCE, REFERENCE_OPTIONS
from .yaml.document import scalar_value
from .yaml.nodes import YamlValue

_SAFE = re.compile(r"[A-Za-z_/][A-Za-z0-9_/.-]*( [A-Za-z0-9_/.-]+)*\.?", re.ASCII)
_BOUNDS = {
    "minimum": "min",
    "min_length": "min",
    "maximum": "max",
    "max_length": "max",
    "pattern": "pattern",
    "precision": "precision",
    "scale": "scale",
}
# Characters that YAML does not allow unescaped in a double-quoted string.
_UNPRINTABLE = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\ufffe\uffff]")


def explain(entity: Entity, conventions: NamingConventions = SNAKE_CASE) -> str:
    """Return an entity as YAML in the long form, with all defaults.

    `conventions` are those of the spec that the YAML belongs to. Comments list the relations that
    other entities declare.
    """
    document: dict[str, YamlValue] = {"name": str(entity.name)}
    if entity.doc is not None:
        document["doc"] = entity.doc
    document |= {
        "table": str(entity.table),
        **_former_names_key(entity.was),
        "plural": str(entity.plural),
        "path": str(entity.path),
        "fields": {
            str(one.name): _explained_field(entity, one, conventions)
            for one in (*entity.fields, *entity.computed)
        },
    }
    if links := _explained_links(entity):
        document["links"] = links
    for key, unique in (("unique", True), ("index", False)):
        lists = [index.fields for index in entity.indexes if index.unique is unique]
        if lists:
            document[key] = [[str(name) for name in names] for names in lists]
    if entity.checks:
        document["check"] = [_explained_check(entity, check) for check in entity.checks]
    document["api"] = _explained_api(entity)
    names = [str(one.hook) for one in entity.api.hooks]
    names += [one.name for one in entity.api.events]
    if names:
        document["hooks"] = [*names]
    if entity.actions:
        document["actions"] = {
            str(one.name): _explained_action(entity, one, conventions) for one in entity.actions
        }
    if entity.access is not None:
        document["access"] = explained_rules(entity.access)
    return "".join(f"{line}\n" for line in [*_yaml_lines(document), *_inverse_comments(entity)])


def _inverse_comments(entity: Entity) -> Iterator[str]:
    """Yield comments about the relations that other entities declare."""
    listed = False
    for relation in entity.relations:
        kind = relation.kind.replace("_", " ")
        if relation.link and relation.near == relation.link.ends[1]:
            by = f"the link {relation.target}.{relation.inverse}"
        elif relation.by and relation.kind is not RelationKind.MANY_TO_ONE:
            by = f"{relation.target}.{relation.by}"
        else:
            continue
        if not listed:
            yield "# Relations that other entities declare:"
            listed = True
        yield f"#   {relation.name}: {kind}, by {by}"


def _explained_action(
    entity: Entity, action: RowAction, conventions: NamingConventions
) -> dict[str, YamlValue]:
    """Return an action in the long form, also the fields that it takes."""
    doc: dict[str, YamlValue] = {} if action.doc is None else {"doc": action.doc}
    takes: dict[str, YamlValue] = {
        str(field.name): _explained_field(entity, field, conventions) for field in action.takes
    }
    access: dict[str, YamlValue] = {}
    if entity.access is not None:
        own = rules_for(entity.access, action.right)
        access["access"] = own if action.access is None else str(action.access)
    return doc | ({"takes": takes} if takes else {}) | access


def _explained_check(entity: Entity, check: Check) -> YamlValue:
    """Return a check in the long form; with its name only if that is not the default."""
    names = {field.name: str(field.name) for field in entity.fields}
    says: dict[str, YamlValue] = {} if check.says is None else {"says": check.says}
    name: dict[str, YamlValue] = {}
    if check.name != check_name(entity.fields, check.condition):
        name = {"name": check.name}
    return {"rule": condition_text(check.condition, names)} | says | name


def _explained_api(entity: Entity) -> dict[str, YamlValue]:
    api = entity.api
    block: dict[str, YamlValue] = {"operations": [str(operation) for operation in api.operations]}
    if Operation.LIST in api.operations:
        block["page"] = {"default": api.page.default, "max": api.page.max}
        for key in ("filter", "sort", "search"):
            block[key] = [str(name) for name in getattr(api, key)]
        block["export"] = [str(one) for one in api.export]
    if entity.relations:
        block |= _relation_keys(entity)
    if CHANGING & {*api.operations}:
        block["etag"] = str(api.etag)
    if CREATING & {*api.operations}:
        block["idempotency"] = api.idempotency
    if entity.can_create:
        block["created"] = api.created
    return block


def _relation_keys(entity: Entity) -> dict[str, YamlValue]:
    """Return the keys about relations, each if the entity has an operation that it requires."""
    api = entity.api
    written: dict[str, YamlValue] = {str(name): str(nested) for name, nested in api.write}
    keys: dict[str, YamlValue] = {
        "include": ["__".join(path) for path in api.include],
        "related": [str(path) for path in api.related],
        "nested": [str(name) for name in api.nested],
        "embed": [str(name) for name in api.embed],
        "counts": [str(name) for name in api.counts],
        "write": written,
    }
    operations = {*api.operations}
    return {
        key: value
        for key, value in keys.items()
        if not RELATION_KEYS[key] or operations & {*RELATION_KEYS[key]}
    }


def _explained_field(
    entity: Entity, field: Field, conventions: NamingConventions
) -> dict[str, YamlValue]:
    reference = field.reference
    options: dict[str, YamlValue] = {"type": str(field.type)}
    if reference:
        options = {"type": REFERENCE, "to": str(reference.target)}
    if field.optional:
        options["optional"] = True
    if field.default is not None:
        options["default"] = _explained_default(field.default)
    if reference:
        options |= _reference_options(entity, field, reference)
    else:
        options |= _type_options(field)
    flags = REFERENCE_OPTIONS if reference else OPTIONS
    options |= {flag: True for flag in FLAGS if flag in flags and getattr(field, flag)}
    if field.computed:
        del options["read_only"]
    for key, name, case in (
        ("column", field.column, conventions.columns),
        ("json", field.json_name, conventions.json),
    ):
        is_set = str(name) != str(field.name) or case.convert(field.name) != str(name)
        if is_set and not (field.computed and key == "column"):
            options[key] = str(name)
    if field.doc is not None:
        options["doc"] = field.doc
    if field.example is not None:
        options["example"] = to_yaml_value(field.example.value)
    return options | _former_names_key(field.was)


def _former_names_key(names: Sequence[str]) -> dict[str, YamlValue]:
    """Return the key with the former names of a table or column, if there are any."""
    former: list[YamlValue] = [str(name) for name in names]
    return {"was": former[0] if len(former) == 1 else former} if former else {}


def _reference_options(entity: Entity, field: Field, reference: Reference) -> dict[str, YamlValue]:
    """Return the options that only references have."""
    options: dict[str, YamlValue] = {"on_delete": str(reference.on_delete)}
    own = (each for each in entity.relations if each.kind is RelationKind.MANY_TO_ONE)
    relation = next((each for each in own if each.by == field.name), None)
    if relation:
        options["relation"] = str(relation.name)
        options["inverse"] = _inverse_name(relation)
    if reference.order:
        options["order"] = [f"{'-' if down else ''}{name}" for name, down in reference.order]
    return options


def _inverse_name(relation: Relation) -> YamlValue:
    return False if relation.inverse is None else str(relation.inverse)


def _explained_links(entity: Entity) -> dict[str, YamlValue]:
    """Return the links that the spec of the entity declares."""
    links: dict[str, YamlValue] = {}
    for relation in entity.relations:
        link = relation.link
        if link is None or relation.near != link.ends[0] or link.ends[0].entity != entity.name:
            continue
        options: dict[str, YamlValue] = {
            "to": str(relation.target),
            "inverse": _inverse_name(relation),
        }
        options |= {"via": str(link.name)} if link.via else {"table": str(link.table)}
        links[str(relation.name)] = options | _former_names_key(link.was)
    return links


def _explained_default(default: Constant | Now | Preset) -> YamlValue:
    if isinstance(default, Preset):
        return str(default)
    return "now" if isinstance(default, Now) else to_yaml_value(default.value)


def _type_options(field: Field) -> dict[str, YamlValue]:
    options: dict[str, YamlValue] = {}
    for attribute, key in _BOUNDS.items():
        bound = getattr(field, attribute)
        if bound is not None:
            options[key] = to_yaml_value(bound)
    if field.words:
        options["values"] = list(field.words)
    if field.renamed:
        options["renamed"] = dict(field.renamed)
    return options


def _yaml_lines(document: dict[str, YamlValue], indent: str = "") -> list[str]:
    lines: list[str] = []
    for key, value in document.items():
        if isinstance(value, dict) and value and len(indent) < 4:
            lines += [f"{indent}{key}:", *_yaml_lines(value, indent + "  ")]
        elif isinstance(value, list) and not indent and key == "check":
            maps = [item for item in value if isinstance(item, dict)]
            lines += [f"{key}:", *(line for item in maps for line in _list_item_lines(item))]
        else:
            lines.append(f"{indent}{key}: {_inline_yaml(value)}")
    return lines


def _list_item_lines(item: dict[str, YamlValue]) -> Iterator[str]:
    """Yield the lines of a map in a list."""
    for position, line in enumerate(_yaml_lines(item, "    ")):
        yield line if position else f"  - {line.strip()}"


def _inline_yaml(value: YamlValue) -> str:
    if isinstance(value, dict):
        return (
            "{"
            + ", ".join(f"{_quoted_yaml(key)}: {_inline_yaml(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, list):
        return "[" + ", ".join(_inline_yaml(item) for item in value) + "]"
    if isinstance(value, str):
        plain = _SAFE.fullmatch(value) and scalar_value(value) == value
        return value if plain else _quoted_yaml(value)
    if isinstance(value, Decimal):
        return _decimal_text(value)
    return json.dumps(value)


def _decimal_text(value: Decimal) -> str:
    text = str(value)
    return text if any(sign in text for sign in ".eE") else f"{text}.0"


def _quoted_yaml(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)
