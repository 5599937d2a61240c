"""View of `app/admin.py`. Reason to change: what the admin page knows of an entity."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crudgen.codegen.code import Code, literal, raw, string
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import Bracket, call, keyword, nested_literal, pair, statement
from crudgen.language.access import Auth
from crudgen.language.names import FieldName, NamingConventions
from crudgen.language.operations import USUAL_OPERATIONS, Operation
from crudgen.language.relations import Relation, RelationKind
from crudgen.language.schema import Constant, Entity, Field, RowAction, Schema, TypeName

from .collections import written_by_keys
from .handlers import requires_etag
from .references import Entities, by_name
from .users import has_users
from .variables import free_name
from .wire import to_json_value

_LABELS = ("name", "title", "label", "login_name", "email", "subject", "code")
"""Names of fields that say which row it is, the best first."""
_OF_OIDC = (
    "admin/oidc_client.py",
    "admin/oidc_login.py",
    "admin/oidc_provider.py",
    "admin/oidc_requests.py",
    "admin/oidc_settings.py",
)
"""The kit's files of logins at an identity provider."""
_OF_BOTH = ("admin/either_login.py", "admin/either_provider.py")
"""The kit's files of logins there, or by name and password."""


@dataclass(frozen=True, slots=True)
class AdminView:
    """The module with the admin page."""

    imports: Code
    page: Code


def admin_module(schema: Schema) -> Code:
    """Return the name of the module in `app`; no folder of an entity has it."""
    return free_name("admin", {str(entity.plural) for entity in schema.entities})


def admin_view(schema: Schema) -> AdminView:
    """Return the view of the admin page of a schema."""
    imports, entities = Imports(schema.kit), by_name(schema.entities)
    tables = [_table(entity, entities, schema.names, imports) for entity in schema.entities]
    page = imports.name(".kit.admin.page", "AdminPage")
    parts = [Bracket("[", tables, "]"), *_login(schema.auth, imports)]
    return AdminView(imports.code(), statement(raw("router = "), call(page, parts)))


def kit_conditions_of_admin(schema: Schema) -> dict[str, bool]:
    """Return the kit's files for the admin page: whether a project needs each."""
    logins = schema.admin and schema.auth is not None
    of_logins = ("admin/cookies.py", "admin/login.py", "admin/providers.py")
    return {
        "admin": schema.admin,
        **dict.fromkeys(of_logins, logins),
        **dict.fromkeys(_OF_OIDC, logs_in_at_provider(schema)),
        **dict.fromkeys(_OF_BOTH, logs_in_at_provider(schema) and has_users(schema.auth)),
    }


def logs_in_at_provider(schema: Schema) -> bool:
    """Return whether users of the page may log in at an identity provider.

    An application with users of its own has one only if the spec names its tokens.
    """
    auth = schema.auth
    return schema.admin and auth is not None and (not has_users(auth) or auth.tokens is not None)


def admin_settings(schema: Schema) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of a base class of the settings, if there are such logins."""
    if logs_in_at_provider(schema):
        yield ".kit.admin.oidc_settings", "AdminLoginSettings"


def _login(auth: Auth | None, imports: Imports) -> Iterator[Bracket]:
    """Yield how users log in: `PasswordLogin(Caller)`."""
    if auth is not None:
        if has_users(auth) and auth.tokens is not None:
            login = imports.name(".kit.admin.either_login", "EitherLogin")
        elif has_users(auth):
            login = imports.name(".kit.admin.login", "PasswordLogin")
        else:
            login = imports.name(".kit.admin.oidc_login", "OidcLogin")
        yield call(login, [imports.name(".caller", "Caller")])


def _table(
    entity: Entity, entities: Entities, conventions: NamingConventions, imports: Imports
) -> Bracket:
    """Return `Table("heroes", "Hero", "/heroes/", "id", [...])`."""
    property_ = imports.name(".kit.admin.tables", "Property")
    properties = [_property(one, entity, entities, property_) for one in _fields(entity)]
    properties += _key_lists(entity, entities, conventions, property_)
    parts: list[Bracket | Code] = [
        string(str(entity.plural)),
        string(str(entity.name)),
        string(f"{entity.path}/"),
        string(str(entity.key.json_name)),
        Bracket("[", properties, "]"),
    ]
    if entity.api.operations != USUAL_OPERATIONS:
        operations = [string(str(one)) for one in entity.api.operations]
        parts.append(keyword("operations", Bracket("[", operations, "]")))
    if entity.actions:
        action = imports.name(".kit.admin.tables", "Action")
        actions = [_action(one, entities, action, property_) for one in entity.actions]
        parts.append(keyword("actions", Bracket("[", actions, "]")))
    if entity.access is not None:
        access = entity.access
        rights = [
            pair(str(one), nested_literal([*access.allowed_callers(one)]))
            for one in access.rights
            if access.allowed_callers(one)
        ]
        parts.append(keyword("rights", Bracket("{", rights, "}")))
    if (label := _label(entity)) is not None:
        parts.append(keyword("label", string(str(label.json_name))))
    if requires_etag(entity):
        parts.append(keyword("needs_etag", literal(True)))
    if entity.api.search:
        parts.append(keyword("search", literal(True)))
    if entity.api.page.max != 100:
        parts.append(keyword("page", literal(entity.api.page.max)))
    return call(imports.name(".kit.admin.tables", "Table"), parts)


def _action(one: RowAction, entities: Entities, function: Code, property_: Code) -> Bracket:
    """Return `Action("promote", [Property("reason", "str")])`."""
    parts: list[Bracket | Code] = [string(str(one.name))]
    if one.takes:
        taken = [_property(field, None, entities, property_) for field in one.takes]
        parts.append(Bracket("[", taken, "]"))
    if str(one.right) != "update":
        parts.append(keyword("right", string(str(one.right))))
    if one.doc is not None:
        parts.append(keyword("doc", string(one.doc)))
    return call(function, parts)


def _fields(entity: Entity) -> Sequence[Field]:
    """Return the fields of an entity, with its key first."""
    others = (one for one in (*entity.fields, *entity.computed) if not one.pk)
    return (entity.key, *others)


def _property(one: Field, entity: Entity | None, entities: Entities, function: Code) -> Bracket:
    """Return `Property("name", "str", required=True)`: what differs from the defaults.

    Without an entity, it is that of the body of an action.
    """
    parts: list[Bracket | Code] = [string(str(one.json_name)), string(str(one.type))]
    is_set = not (one.read_only or one.touch or one.computed)
    if one.optional:
        parts.append(keyword("optional", literal(True)))
    if one.required and is_set:
        parts.append(keyword("required", literal(True)))
    if is_set and (text := _default_text(one)):
        parts.append(keyword("default", string(text)))
    if one.words:
        parts.append(keyword("words", nested_literal([*one.words])))
    if one.reference is not None:
        parts.append(keyword("refers", string(str(_target(one, entities).plural))))
    if entity is not None:
        listed = Operation.LIST in entity.api.operations
        flags = {
            "read": not one.write_only,
            "create": is_set,
            "update": is_set and not (one.pk or one.immutable),
            "filter": listed and one.name in entity.api.filter,
            "sort": listed and one.name in entity.api.sort,
        }
        parts += [keyword(key, literal(False)) for key, value in flags.items() if not value]
        if entity.access is not None and one.name in entity.access.hidden_fields:
            parts.append(keyword("ruled", literal(True)))
        if relation := _relation(one, entity):
            parts.append(keyword("label", string(_as_words(relation.name))))
    if one.doc is not None:
        parts.append(keyword("doc", string(one.doc)))
    return call(function, parts)


def _key_lists(
    entity: Entity, entities: Entities, conventions: NamingConventions, function: Code
) -> Iterator[Bracket]:
    """Yield the properties with the keys of linked rows, such as `power_ids`."""
    for one in written_by_keys(entity, entities):
        yield call(
            function,
            [
                string(str(conventions.json.convert(FieldName(one.keys)))),
                string(str(one.target.key.type)),
                keyword("refers", string(str(one.target.plural))),
                keyword("many", literal(True)),
                keyword("label", string(_as_words(one.relation.name))),
                keyword("filter", literal(False)),
                keyword("sort", literal(False)),
            ],
        )


def _relation(one: Field, entity: Entity) -> Relation | None:
    """Return the relation of a reference."""
    kind = RelationKind.MANY_TO_ONE
    found = (each for each in entity.relations if each.by == one.name and each.kind is kind)
    return next(found, None)


def _as_words(name: str) -> str:
    """Return `Shipping address` for `shipping_address`."""
    return name.replace("_", " ").capitalize()


def _target(one: Field, entities: Entities) -> Entity:
    if one.reference is None:
        raise ValueError(f"{one.name} is no reference")
    return entities[one.reference.target]


def _default_text(one: Field) -> str:
    """Return the text that the form of a new row contains: that of a constant default."""
    if not isinstance(one.default, Constant) or one.type in {TypeName.BYTES, TypeName.JSON}:
        return ""
    value = to_json_value(one, one.default.value)
    if isinstance(value, bool):
        return str(value).lower() if value or one.optional else ""
    return "" if value is None else str(value)


def _label(entity: Entity) -> Field | None:
    """Return the field that says to a user which row it is, if there is one."""
    hidden = frozenset() if entity.access is None else entity.access.hidden_fields
    texts = {
        str(one.name): one
        for one in entity.fields
        if one.type in {TypeName.STR, TypeName.EMAIL}
        and not (one.write_only or one.reference is not None or one.name in hidden)
    }
    named = (texts[one] for one in _LABELS if one in texts)
    unique = (one for one in texts.values() if one.unique)
    required = (one for one in texts.values() if not one.optional)
    return next(named, None) or next(unique, None) or next(required, None)
