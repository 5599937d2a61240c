"""View of the callers in tests. Reason to change: what the tokens of tests contain."""

from dataclasses import dataclass

from crudgen.codegen.code import Code, annotated, literal, raw
from crudgen.codegen.layout import Bracket, nested_literal, pair, statement
from crudgen.codegen.needs import Mention
from crudgen.language.access import ANYONE, ROW_CLAIM, USER, Auth, Claim, ClaimType
from crudgen.language.matrix import may_act
from crudgen.language.operations import Operation
from crudgen.language.schema import Entity, Json

from .access import actions_required_by
from .users import users_are_rows

NEEDS_OF_MAIN = (
    Mention(
        "Database(", ("build_application", ".install("), "settings.install(app)", "in create_app"
    ),
)
"""What an `app/main.py` must contain that builds the application: tokens, and webhooks."""
NEEDS_OF_FIXTURES = (
    Mention("Settings(", ("auth_secret",), "auth_secret=SECRET,", "in the call of Settings"),
    Mention("AsyncClient(", ("EVERY_ROLE",), "headers=EVERY_ROLE,", "in the call of AsyncClient"),
    Mention("AsyncClient(", ("callers",), "from callers import EVERY_ROLE, SECRET", "at the top"),
)
"""What the fixtures of tests must contain so that their client has credentials."""
_SAMPLES: dict[ClaimType, Json] = {
    ClaimType.INT: 1,
    ClaimType.STR: "text",
    ClaimType.UUID: "00000000-0000-7000-8000-000000000001",
    ClaimType.BOOL: True,
}
_OF_ISSUER = {"iss", "aud", "exp"}
"""Claims that have the values of the settings."""


@dataclass(frozen=True, slots=True)
class CallersView:
    """The claims of the callers in tests."""

    claims: Code
    roles: Code
    role_claims: Code


def callers_view(auth: Auth) -> CallersView:
    """Return the view of the callers in tests."""
    claims: dict[str, Json] = {"sub": "1"}
    sampled = {
        one.claim: _sample_claim_value(one) for one in auth.me if one.claim not in _OF_ISSUER
    }
    if users_are_rows(auth):
        start = f"{ROW_CLAIM}."
        sampled = {ROW_CLAIM: {name.removeprefix(start): value for name, value in sampled.items()}}
    claims |= sampled
    roles = tuple(literal(str(role)) for role in auth.roles)
    kind = raw("dict[str, Any]")
    role_claims = [
        pair(auth.roles_claim, raw("list(roles)")),
        pair("exp", raw("int(time.time()) + 3600")),
    ]
    return CallersView(
        claims=statement(annotated(raw("CLAIMS"), kind) + raw(" = "), nested_literal(claims)),
        roles=statement(
            annotated(raw("ROLES"), raw("list[str]")) + raw(" = "), Bracket("[", roles, "]")
        ),
        role_claims=statement(raw(""), Bracket("{", role_claims, "}"), 4),
    )


def _sample_claim_value(one: Claim) -> Json:
    value = one.words[0] if one.type is ClaimType.ENUM else _SAMPLES[one.type]
    if one.many:
        return [value]
    return str(value) if one.claim in {"sub", "jti"} else value


def testable_operations(entity: Entity) -> set[Operation]:
    """Return the operations that a caller with all roles may use and read the response of."""
    access, operations = entity.access, {*entity.api.operations}
    if access is None:
        return operations
    rules = [part for one in access.fields for part in (one.read, one.write) if part is not None]
    if not access.read or not all(part.who for part in rules):
        return set()
    return {
        one
        for one in operations
        if all(map(access.callers_for_all_rows, actions_required_by(one, entity)))
    }


def admitted_callers(entity: Entity, operation: Operation, auth: Auth) -> tuple[str, ...]:
    """Return which callers of the tests may use an operation."""
    access = entity.access
    return tuple(
        caller
        for caller in (ANYONE, USER, *auth.roles)
        if access
        and any(
            may_act(access, action, caller) for action in actions_required_by(operation, entity)
        )
    )
