"""A repeated Idempotency-Key needs the roles with which the stored response was made."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.access.vocabulary import Asker, run

NewDatabase = Callable[[str], str]
APP = "auth: {roles: [hr, boss], me: {id: int = sub}}\n"
API = "api: {operations: [create, create_many], idempotency: true}\n"
FIELDS = "fields: {name: str(1..20), salary: int? = 5}\n"
SPEC = {
    "open.yaml": f"name: Open\n{FIELDS}access: {{read: hr, create: user}}\n{API}",
    "masked.yaml": f"name: Masked\n{FIELDS}access: {{read: user, create: user,"
    f" fields: {{salary: {{read: hr}}}}}}\n{API}",
    "hooked.yaml": f"name: Hooked\n{FIELDS}access: {{read: user, create: user,"
    f" fields: {{salary: {{read: hr}}}}}}\nhooks: [create]\n{API}",
}


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_stored_response_needs_the_roles_of_its_request(
    kind: str, new_database: NewDatabase
) -> None:
    async def check(asker: Asker) -> None:
        for path in ("opens", "maskeds", "hookeds"):
            for request, body in (("", {"name": "a"}), ("bulk", [{"name": "a"}])):
                await _check(asker, f"POST /{path}/{request}", body)

    run(APP, SPEC, new_database(kind), check)


async def _check(asker: Asker, request: str, body: Any) -> None:
    async def ask(*roles: str, key: str = "one", sent: Any = body, by: int | None = 7) -> Any:
        headers = {"Idempotency-Key": f"{key}-{type(body).__name__}"}
        return await asker.ask(request, sent, by=by, roles=roles, headers=headers)

    first = await ask("hr")
    assert (first.status_code, "salary" in first.text) == (200, True), first.text
    for roles in (["hr"], ["boss", "hr"], ["hr", "other"]):
        again = await ask(*roles)
        assert (again.text, again.headers["idempotent-replayed"]) == (first.text, "true")
    for roles in ([], ["boss"], ["other"]):
        answer = await ask(*roles)
        assert answer.status_code == 422
        (problem,) = answer.json()["detail"]
        assert (problem["type"], problem["loc"]) == ("other_roles", ["header", "Idempotency-Key"])
        assert problem["msg"] == "The key was used with roles that the caller does not have now"
    other = body | {"name": "b"} if isinstance(body, dict) else [{"name": "b"}]
    answer = await ask(sent=other)
    (problem,) = answer.json()["detail"]
    assert problem["type"] == "other_request"
    assert problem["msg"] == "The key was used for another request"

    # More roles are no reason to refuse. A row that only they may read is returned then.
    fewer = await ask(key="two")
    assert "salary" not in fewer.text
    again = await ask("hr", "boss", key="two")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.text == fewer.text or fewer.status_code == 204
    # Each caller has their own keys.
    answer = await ask("hr", by=8)
    assert "idempotent-replayed" not in answer.headers
    assert answer.status_code == 200
