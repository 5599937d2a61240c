"""View of the class of callers. Reason to change: the code of claims."""

from collections.abc import Iterator
from dataclasses import dataclass

from crudgen.codegen.code import Code, identifier, literal, optional, raw
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import INDENT, Bracket, call, statement, subscript, typed_declaration
from crudgen.language.access import ROW_CLAIM, Auth, Claim, ClaimType
from crudgen.language.names import AttributeName
from crudgen.language.schema import KitForm, Schema

from .rule_conditions import names_caller
from .users import users_are_rows

_TYPES = {
    ClaimType.INT: "IntClaim",
    ClaimType.STR: "TextClaim",
    ClaimType.UUID: "UuidClaim",
    ClaimType.BOOL: "FlagClaim",
}


_COLUMNS = {
    ClaimType.INT: ("sqlalchemy", "BigInteger"),
    ClaimType.STR: (".kit.database.columns", "Text"),
    ClaimType.UUID: ("sqlalchemy", "Uuid"),
    ClaimType.BOOL: ("sqlalchemy", "Boolean"),
    ClaimType.ENUM: (".kit.database.columns", "Text"),
}
"""The types of columns whose values claims are compared with."""


@dataclass(frozen=True, slots=True)
class CallerView:
    """The class of callers."""

    imports: Code
    head: Code
    settings: tuple[Code, ...]
    claims: tuple[Code, ...]
    bound: tuple[Code, ...]
    """The claims in the conditions of rules, if there are any."""


def caller_view_of_schema(schema: Schema, auth: Auth) -> CallerView:
    """Return the view of the class of callers of an application."""
    is_in_rules = any(names_caller(entity.access) for entity in schema.entities)
    return caller_view(auth, schema.kit, is_in_rules=is_in_rules)


def caller_view(auth: Auth, kit: KitForm, *, is_in_rules: bool = False) -> CallerView:
    """Return the view of the class of callers; `is_in_rules` if conditions name claims."""
    names = {str(one.name) for one in auth.me}
    defined = {"Caller", *(("Me", "me") if is_in_rules else ())}
    imports = Imports(kit, defined=defined, attributes=names)
    kind = (".kit.access.caller", "BaseCaller")
    if users_are_rows(auth):
        kind = (".kit.access.user_row_caller", "RowCaller")
    base = imports.name(*kind)
    claims = tuple(_claim_field(one, imports, is_of_row=users_are_rows(auth)) for one in auth.me)
    return CallerView(
        head=statement(raw("class "), call(raw("Caller"), [base]), tail=":"),
        settings=tuple(_class_attributes(auth)),
        claims=claims,
        bound=tuple(_bound_claim(one, imports) for one in auth.me) if is_in_rules else (),
        imports=imports.code(),
    )


def _bound_claim(one: Claim, imports: Imports) -> Code:
    """Return `id = caller_parameter("id", BigInteger())`."""
    module, kind = _COLUMNS[one.type]
    column = call(imports.name(module, kind, in_class=True), [])
    function = imports.name(".kit.access.caller_parameters", "caller_parameter", in_class=True)
    arguments: list[Bracket | Code] = [literal(str(one.name)), column]
    if one.many:
        function = imports.name(".kit.access.lists", "bound_list", in_class=True)
        arguments += [raw("optional=True")] if one.optional else []
    head = identifier(one.name) + raw(" = ")
    return statement(head, call(function, arguments), INDENT)


def _class_attributes(auth: Auth) -> Iterator[Code]:
    if auth.roles:
        roles = tuple(literal(str(role)) for role in auth.roles)
        value = Bracket("(", roles, ")", is_tuple=True)
        yield statement(raw("__roles__ = "), value, INDENT)
    if auth.roles_claim != Auth().roles_claim:
        yield raw("__roles_claim__ = ") + literal(auth.roles_claim)
    if auth.users:
        yield raw('__login__ = "login"')


def _claim_field(one: Claim, imports: Imports, *, is_of_row: bool) -> Code:
    """Return `id: IntClaim = claim("sub")`, or `id: IntClaim = row_claim("id")`."""
    kind: Code | Bracket
    if one.type is ClaimType.ENUM:
        literals = imports.name("typing", "Literal", in_class=True)
        kind = subscript(literals, tuple(map(literal, one.words)))
        kind = kind.surrounded_by("", " | None") if one.optional else kind
    elif is_of_row and one.type is ClaimType.STR:
        kind = imports.builtin("str", in_class=True)
        kind = optional(kind) if one.optional else kind
    else:
        kind = imports.name(".kit.access.caller", _TYPES[one.type], in_class=True)
        kind = raw("tuple[") + kind + raw(", ...]") if one.many else kind
        kind = optional(kind) if one.optional else kind
    source = (".kit.access.caller", "claim")
    name = one.claim
    if is_of_row:
        source = (".kit.access.user_row_caller", "row_claim")
        name = name.removeprefix(f"{ROW_CLAIM}.")
    arguments = [literal(name), *([raw("default=None")] if one.optional else [])]
    claim = call(imports.name(*source, in_class=True), arguments)
    return typed_declaration(AttributeName(one.name), kind, claim)
