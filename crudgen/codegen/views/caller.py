"""View of the class of callers. Reason to change: the code of claims."""

from collections.abc import Iterator
from dataclasses import dataclass

from crudgen.codegen.code import Code, literal, optional, raw
from crudgen.codegen.imports import Imports
from crudgen.codegen.layout import INDENT, Bracket, call, statement, subscript, typed_declaration
from crudgen.language.access import Auth, Claim, ClaimType
from crudgen.language.names import AttributeName
from crudgen.language.schema import KitForm

_TYPES = {
    ClaimType.INT: "IntClaim",
    ClaimType.STR: "TextClaim",
    ClaimType.UUID: "UuidClaim",
    ClaimType.BOOL: "FlagClaim",
}


@dataclass(frozen=True, slots=True)
class CallerView:
    """The class of callers."""

    imports: Code
    head: Code
    settings: tuple[Code, ...]
    claims: tuple[Code, ...]


def caller_view(auth: Auth, kit: KitForm) -> CallerView:
    """Return the view of the class of callers."""
    names = {str(one.name) for one in auth.me}
    imports = Imports(kit, defined={"Caller"}, attributes=names)
    base = imports.name(".kit.access.caller", "BaseCaller")
    claims = tuple(_claim(one, imports) for one in auth.me)
    return CallerView(
        head=statement(raw("class "), call(raw("Caller"), [base]), tail=":"),
        settings=tuple(_settings(auth)),
        claims=claims,
        imports=imports.code(),
    )


def _settings(auth: Auth) -> Iterator[Code]:
    if auth.roles:
        roles = tuple(literal(str(role)) for role in auth.roles)
        value = Bracket("(", roles, ")", is_tuple=True)
        yield statement(raw("__roles__ = "), value, INDENT)
    if auth.roles_claim != Auth().roles_claim:
        yield raw("__roles_claim__ = ") + literal(auth.roles_claim)


def _claim(one: Claim, imports: Imports) -> Code:
    """Return `id: IntClaim = claim("sub")`."""
    kind: Code | Bracket
    if one.type is ClaimType.ENUM:
        literals = imports.name("typing", "Literal", in_class=True)
        kind = subscript(literals, tuple(map(literal, one.words)))
        kind = kind.within("", " | None") if one.optional else kind
    else:
        kind = imports.name(".kit.access.caller", _TYPES[one.type], in_class=True)
        kind = optional(kind) if one.optional else kind
    arguments = [literal(one.claim), *([raw("default=None")] if one.optional else [])]
    claim = call(imports.name(".kit.access.caller", "claim", in_class=True), arguments)
    return typed_declaration(AttributeName(one.name), kind, claim)
