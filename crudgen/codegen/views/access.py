"""View of an entity's rules. Reason to change: the code of rules, or the callers of a handler."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from crudgen.codegen.code import Code, identifier, literal, name, raw, words
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call, keyword, pair, statement, subscript
from crudgen.language.access import (
    ANYONE,
    USER,
    Access,
    Action,
    Right,
    RuleAboutRows,
    allows_callers,
)
from crudgen.language.conditions.tree import fields_of
from crudgen.language.operations import Operation
from crudgen.language.schema import Entity, KeyKind, KitForm, RowAction

from .collections import created_together
from .field_rules import field_rules
from .references import Entities
from .rule_conditions import rule_conditions, version_assignments
from .variables import free_name

_ALIASES = {
    (Action.READ,): "Reader",
    (Action.CREATE,): "Creator",
    (Action.UPDATE,): "Updater",
    (Action.DELETE,): "Deleter",
    (Action.UPDATE, Action.CREATE): "Replacer",
}
"""The types of callers, by the actions of which they may do one."""
_ACTIONS = {
    Operation.CREATE: Action.CREATE,
    Operation.LIST: Action.READ,
    Operation.READ: Action.READ,
    Operation.UPDATE: Action.UPDATE,
    Operation.REPLACE: Action.UPDATE,
    Operation.DELETE: Action.DELETE,
    Operation.CREATE_MANY: Action.CREATE,
    Operation.UPDATE_MANY: Action.UPDATE,
    Operation.DELETE_MANY: Action.DELETE,
}


@dataclass(frozen=True, slots=True)
class AccessView:
    """The rules of an entity, and the types of callers in its handlers."""

    plural_words: Code
    imports: Code
    versions: tuple[Code, ...]
    """The rows before and after an update, if rules name them."""
    access: Code
    aliases: tuple[Code, ...]


def actions_required_by(operation: Operation | None, entity: Entity) -> tuple[Action, ...]:
    """Return the actions of an operation, of which a caller must be allowed one; none for None.

    A PUT can create a row, if clients choose the keys.
    """
    if operation is None:
        return ()
    if operation is Operation.REPLACE and entity.key_kind is KeyKind.CLIENT:
        return (Action.UPDATE, Action.CREATE)
    return (_ACTIONS[operation],)


def caller_type(operation: Operation, entity: Entity, entities: Collection[str]) -> Code:
    """Return the name of the type of an operation's callers: `Reader`. No entity has this name."""
    return free_name(_ALIASES[actions_required_by(operation, entity)], entities)


def action_caller(action: RowAction, entities: Collection[str]) -> Code:
    """Return the name of the type of an action's callers: `Updater`, or `PromoteCaller`."""
    if action.access is None:
        words_of = str(action.name).split("_")
        return free_name(f"{''.join(map(str.capitalize, words_of))}Caller", entities)
    return free_name(_ALIASES[(action.access,)], entities)


def is_open_to_anyone(access: Access, actions: Iterable[Right]) -> bool:
    """Return whether callers without credentials may do one of the actions."""
    reads = ANYONE in access.allowed_callers(Action.READ)
    return any(
        ANYONE in access.allowed_callers(action)
        and (reads or action in (Action.READ, Action.CREATE))
        for action in actions
    )


def hidden_row_status(
    entity: Entity, entities: Entities, actions: Collection[Action]
) -> tuple[int, ...]:
    """Return the status for a written row that the caller may not read, if there can be one."""
    access = entity.access
    if access is None:
        return ()
    creates = Action.CREATE in actions and _hides_new_rows(entity, access, entities)
    updates = Action.UPDATE in actions and _hides_written_rows(access, Action.UPDATE)
    return (204,) if creates or updates else ()


def _hides_new_rows(entity: Entity, access: Access, entities: Entities) -> bool:
    """Return whether some callers may create rows that they may not all read."""
    children = [one.target.access for one in created_together(entity, entities)]
    return _hides_written_rows(access, Action.CREATE) or any(
        child is not None and not allows_callers(child.read, who)
        for child in children
        for who in access.allowed_callers(Action.CREATE)
    )


def _hides_written_rows(access: Access, action: Action) -> bool:
    """Return whether some callers may create or update a row that they may not read afterwards."""
    return not all(
        allows_callers(access.read, who) for who in access.callers_for_all_rows(action)
    ) or any(
        not allows_callers(access.read, rule.who) and not _is_readable(access, rule)
        for rule in access.rules(action)
    )


def _is_readable(access: Access, rule: RuleAboutRows) -> bool:
    """Return whether a rule also reads the rows that it allows to write.

    Paths to related rows may lead to other rows in a rule of `read`.
    """
    names = (str(one).removeprefix("me.") for one in fields_of(rule.condition))
    return not any("." in one for one in names) and any(
        allows_callers((read.who,), rule.who) and read.condition == rule.condition
        for read in access.rules(Action.READ)
    )


def caller_class(imports: Imports, entities: Collection[str]) -> Code:
    """Import the class of callers, and return its name, which no entity has."""
    alias = free_name("Caller", entities)
    imports.use("..caller", "Caller" if alias == "Caller" else f"Caller as {alias}")
    return alias


def access_view(entity: Entity, access: Access, entities: Entities, kit: KitForm) -> AccessView:
    """Return the view of the rules of an entity."""
    names = {str(one) for one in entities}
    aliases: dict[tuple[Right, ...], Code] = {
        actions_required_by(operation, entity): caller_type(operation, entity, names)
        for operation in entity.api.operations
    }
    aliases |= {(one.right,): action_caller(one, names) for one in entity.actions}
    defined = {entity.name, "Caller", "access", "old", "new", *map(str, aliases.values())}
    imports = Imports(kit, defined=defined)
    imports.use(".models", entity.name)
    caller = caller_class(imports, names)
    arguments = [
        name(entity.name),
        caller,
        *_rule_arguments(entity, access.without_tenant, entities, imports),
        *_action_rules_argument(entity, access.without_tenant, entities, imports),
        *_tenant_argument(entity, access, entities, imports),
        *field_rules(entity, access, entities, imports),
        *_presets_argument(entity),
    ]
    kind = imports.name("..kit.access.rules", "Access")
    return AccessView(
        plural_words=words(entity.plural),
        versions=tuple(version_assignments(entity, imports)),
        access=statement(raw("access = "), call(kind, arguments)),
        aliases=tuple(
            _caller_alias(alias, actions, caller, is_open_to_anyone(access, actions), imports)
            for actions, alias in aliases.items()
        ),
        imports=imports.code(),
    )


def _rule_arguments(
    entity: Entity, access: Access, entities: Entities, imports: Imports
) -> Iterator[Bracket | Code]:
    """Yield `read=[ANYONE]`, `create=[role("editor")]` and so on."""
    conditions = rule_conditions(entity, entities, imports)
    for action in Action:
        if access.allowed_callers(action):
            rules = conditions.rule_list(access.callers_for_all_rows(action), access.rules(action))
            yield keyword(action, rules)


def _action_rules_argument(
    entity: Entity, access: Access, entities: Entities, imports: Imports
) -> Iterator[Bracket | Code]:
    """Yield `actions={"promote": [role("editor")]}`, of actions with rules of their own."""
    conditions = rule_conditions(entity, entities, imports)
    found = tuple(
        conditions.rule_list(who, access.rules(action)).surrounded_by(
            literal(str(action)) + raw(": ")
        )
        for action, who in access.actions
    )
    if found:
        yield keyword("actions", Bracket("{", found, "}"))


def _tenant_argument(
    entity: Entity, access: Access, entities: Entities, imports: Imports
) -> Iterator[Bracket | Code]:
    """Yield `tenant=USER.when(…)`, whose condition is part of each rule."""
    if access.tenant is not None:
        rule = RuleAboutRows(Action.READ, USER, access.tenant.condition)
        yield keyword("tenant", rule_conditions(entity, entities, imports).when_call(rule))


def _presets_argument(entity: Entity) -> Iterator[Bracket | Code]:
    """Yield `presets={"owner_id": "id"}`: the attributes of the caller that new rows get."""
    presets = tuple(
        pair(field.attribute, literal(str(field.preset.claim)))
        for field in entity.fields
        if field.preset is not None
    )
    if presets:
        yield keyword("presets", Bracket("{", presets, "}"))


def _caller_alias(
    alias: Code, actions: tuple[Right, ...], caller: Code, admits_none: bool, imports: Imports
) -> Code:
    """Return `Reader = Annotated[Caller, PermittedCaller(Caller, access.read).dependency]`."""
    permissions: list[Bracket | Code] = [*map(_permission_source, actions)]
    if len(permissions) > 1:
        permissions.append(raw("any_of=True"))
    may = call(imports.name("..kit.access.may", "PermittedCaller"), [caller, *permissions])
    kind = caller + raw(" | None") if admits_none else caller
    items = (kind, may.surrounded_by("", ".dependency"))
    annotated = subscript(imports.name("typing", "Annotated"), items)
    return statement(alias + raw(" = "), annotated)


def _permission_source(right: Right) -> Code:
    """Return `access.read`, or `access.actions["promote"]`."""
    if isinstance(right, Action):
        return raw("access.") + identifier(right)
    return raw("access.actions[") + literal(str(right)) + raw("]")
