"""View of the functions of the owner. Reason to change: the signature or call of a function."""

from collections.abc import Collection as Names
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from crudgen.codegen.code import Code, annotated, docstring, identifier, name, raw, words
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import INDENT, Bracket, call, keyword, statement, subscript
from crudgen.language.access import Action, Right
from crudgen.language.hooks import EventFunction, Hook
from crudgen.language.operations import Operation
from crudgen.language.resolve.schema_names import body_name
from crudgen.language.schema import Entity, Field, KitForm, RowAction

from .access import caller_class, is_open_to_anyone
from .articles import a_row
from .bodies import BODIES, create_alone_suffix, update_suffix
from .collections import created_together, owners_of, writes_keys
from .computed import function_parts
from .references import Entities
from .variables import folder_name, free_name

_VERBS = {Hook.CREATE: raw("Create "), Hook.UPDATE: raw("Update "), Hook.DELETE: raw("Delete ")}


Function: TypeAlias = Hook | RowAction | EventFunction | Field


@dataclass(frozen=True, slots=True)
class FunctionView:
    """A new function in `hooks.py`: it only does what the operation does without it."""

    signature: Code
    doc: Code
    body: Code | None


@dataclass(frozen=True, slots=True)
class HooksView:
    """The module with the functions of an entity."""

    plural_words: Code
    imports: Code
    functions: tuple[FunctionView, ...]


def hooks_path(entity: Entity) -> str:
    """Return the path of the module with the functions of an entity."""
    return f"app/{folder_name(entity.plural)}/hooks.py"


def functions_of(entity: Entity) -> tuple[Function, ...]:
    """Return the functions of an entity around operations, of actions and after commits."""
    return (*hooks_of(entity), *entity.actions, *entity.api.events)


def has_functions(entity: Entity) -> bool:
    """Return whether functions wrap the operations of an entity, or changes write events."""
    return bool(functions_of(entity) or entity.api.sent)


def is_hooked(entity: Entity, entities: Entities) -> bool:
    """Return whether an entity, or one created with its rows, has functions or writes events."""
    return has_functions(entity) or creates_by_function(entity, entities)


def hook_functions_of(entity: Entity) -> tuple[Function, ...]:
    """Return all functions of an entity in `hooks.py`, with those of computed properties."""
    return (*functions_of(entity), *entity.computed)


def function_name(function: Function) -> str:
    """Return the name of a function."""
    if isinstance(function, Field):
        return str(function.attribute)
    return str(function if isinstance(function, Hook) else function.name)


def hooks_of(entity: Entity) -> tuple[Hook, ...]:
    """Return the hooks of an entity that have a function."""
    return tuple(one.hook for one in entity.api.hooks)


def hooks_view(
    entity: Entity,
    entities: Names[str],
    kit: KitForm,
    functions: Iterable[Function],
) -> HooksView:
    """Return the view of a module with functions of an entity."""
    defined = {f"{entity.name}{suffix}" for suffix in ("", "Create", "Update", "Public")}
    defined |= {f"{entity.name}{suffix}" for suffix in BODIES if writes_keys(entity)}
    names = {function_name(one) for one in hook_functions_of(entity)}
    bodies = {body_name(entity.name, one) for one in entity.actions}
    imports = Imports(kit, defined={*defined, *bodies, *Hook, *names})
    found = tuple(_function_view(entity, entities, one, imports) for one in functions)
    return HooksView(words(entity.plural), imports.code(), found)


def signature(entity: Entity, entities: Names[str], kit: KitForm, one: Function) -> str:
    """Return the first line of a function, for messages."""
    (function,) = hooks_view(entity, entities, kit, [one]).functions
    return " ".join(function.signature.split())


def _function_view(
    entity: Entity, entities: Names[str], hook: Function, imports: Imports
) -> FunctionView:
    if isinstance(hook, EventFunction):
        return _event_function_view(entity, hook, imports)
    names = {function_name(one) for one in hook_functions_of(entity)}
    if isinstance(hook, Field):
        return FunctionView(*function_parts(entity, hook, names, imports))
    row = free_name(str(entity.singular), {"tx", "changes", "sent", *Hook, *names})
    model = imports.own(".models", str(entity.name))
    tx = annotated(raw("tx"), imports.name("..kit.hooks", "Transaction"))
    caller = _caller_type(entity, entities, imports)
    parameters: list[Bracket | Code] = [tx if caller is None else subscript(tx, [caller])]
    arguments = [row]
    result = model
    match hook:
        case Hook.CREATE:
            created = _import_model(entity, create_alone_suffix(entity), imports)
            parameters.append(annotated(row, created))
            arguments = [model, row]
        case Hook.UPDATE:
            changes = _import_model(entity, update_suffix(entity), imports)
            parameters += [annotated(row, model), annotated(raw("changes"), changes)]
            arguments = [row, raw("changes")]
        case Hook.DELETE:
            parameters.append(annotated(row, model))
            result = raw("None")
        case RowAction():
            parameters.append(annotated(row, model))
            if hook.takes:
                sent = imports.own(".actions", body_name(entity.name, hook))
                parameters.append(annotated(raw("sent"), sent))
    verb = identifier(function_name(hook))
    done: Bracket | Code = call(raw("tx.") + verb, arguments)
    returns = raw("") if hook is Hook.DELETE else raw("return ")
    if isinstance(hook, RowAction):
        done = row
    return FunctionView(
        signature=statement(
            raw("def ") + verb, call(raw(""), parameters), tail=raw(" -> ") + result + raw(":")
        ),
        doc=_function_docstring(entity, hook),
        body=statement(returns, done, INDENT),
    )


def _event_function_view(entity: Entity, one: EventFunction, imports: Imports) -> FunctionView:
    """Return a function that does nothing after commits."""
    event = imports.name("..kit.events", "Event")
    text = f"Run after {one.kind} of {a_row(entity)} was committed, perhaps more than once."
    parameter = annotated(raw("event"), event)
    head = raw("async def ") + identifier(one.name)
    line = statement(head, call(raw(""), [parameter]), tail=raw(" -> None:"))
    return FunctionView(line, docstring(text, INDENT), None)


def _function_docstring(entity: Entity, one: Hook | RowAction) -> Code:
    """Return the docstring of a function."""
    if isinstance(one, Hook):
        return docstring(f"{_VERBS[one]}{a_row(entity)}.", INDENT)
    return action_doc(entity, one)


def action_doc(entity: Entity, action: RowAction) -> Code:
    """Return the docstring of the function and of the handler of an action."""
    if action.doc is not None:
        return docstring(action.doc, INDENT)
    verb = words(action.name)
    return docstring(f"{verb[:1].upper()}{verb[1:]} {a_row(entity)}.", INDENT)


def _caller_type(entity: Entity, entities: Names[str], imports: Imports) -> Code | None:
    """Return the type of the caller in the functions of an entity; None without callers."""
    access = entity.access
    if access is None:
        return None
    caller = caller_class(imports, entities)
    actions: set[Right] = {Action(hook) for hook in hooks_of(entity)}
    actions |= {one.right for one in entity.actions}
    if Hook.UPDATE in hooks_of(entity) and Operation.REPLACE in entity.api.operations:
        actions.add(Action.CREATE)
    is_for_all = any(is_open_to_anyone(access, [action]) for action in actions)
    return caller + raw(" | None") if is_for_all else caller


def hook_kinds(entity: Entity) -> set[str]:
    """Return the kinds of changes that call a function or write events."""
    after_commits = {*(one.kind for one in entity.api.events), *entity.api.sent}
    return {*hooks_of(entity), *after_commits}


def creates_by_function(entity: Entity, entities: Entities) -> bool:
    """Return whether creating a row, and rows with it, calls a function or writes events."""
    together = (one.target for one in created_together(entity, entities))
    return any(Hook.CREATE in hook_kinds(one) for one in (entity, *together))


def called_hooks(entity: Entity, entities: Entities) -> set[Hook]:
    """Return the hooks whose functions the operations of an entity call, perhaps of child rows."""
    children = (one.target for one in created_together(entity, entities))
    is_created = any(Hook.CREATE in hooks_of(one) for one in children)
    return {*hooks_of(entity), *([Hook.CREATE] if is_created else [])}


def functions_module(resource: Code) -> Code:
    """Return the name of the module with the functions, in the module with the resource."""
    return free_name("hooks", {str(resource)})


def hooked_resource(
    entity: Entity, entities: Entities, rows: Bracket, variable: Code, imports: Imports
) -> Bracket:
    """Return `Hooked(Resource(…), Hooks[Hero, HeroCreate, HeroUpdate](create=hooks.create))`."""
    module = functions_module(variable)
    if hooks_of(entity) or entity.actions:
        imports.use(".", "hooks" if module == "hooks" else f"hooks as {module}")
    operations = {*entity.api.operations}
    kinds = [
        name(entity.name),
        _body_or_never(entity, create_alone_suffix(entity), imports, is_used=entity.can_create),
        _body_or_never(
            entity, update_suffix(entity), imports, is_used=Operation.UPDATE in operations
        ),
    ]
    caller = _caller_type(entity, {*map(str, entities)}, imports)
    if caller is not None:
        kinds.append(caller)
    functions = [keyword(hook, module + raw(".") + identifier(hook)) for hook in hooks_of(entity)]
    is_changed = Hook.UPDATE in hook_kinds(entity)
    if is_changed and Operation.REPLACE in operations:
        functions.append(keyword("changes", kinds[2]))
    if Hook.CREATE in hook_kinds(entity) and any(
        one.is_created_together for one in owners_of(entity, entities)
    ):
        functions.append(keyword("creates", kinds[1]))
    generic = imports.name("..kit.hooks.functions", "Hooks") + raw("[")
    for position, kind in enumerate(kinds):
        generic += (raw(", ") if position else raw("")) + kind
    hooks = call(generic + raw("]"), functions)
    if caller is None:
        return call(imports.name("..kit.hooks.hooked", "Hooked"), [rows, hooks])
    return call(imports.name("..kit.hooks.guarded", "GuardedHooks"), [rows, hooks])


def _body_or_never(entity: Entity, suffix: str, imports: Imports, *, is_used: bool) -> Code:
    """Return the model of the bodies that create or update; `Never` if no request has one."""
    return _import_model(entity, suffix, imports) if is_used else imports.name("typing", "Never")


def _import_model(entity: Entity, suffix: str, imports: Imports) -> Code:
    """Return the name of a model of the entity, which is imported."""
    return imports.own(".bodies" if suffix in BODIES else ".models", f"{entity.name}{suffix}")
