"""Who sends the random requests: nobody, users of each role, a user who logged in, an API key.

Their credentials are in a file in the format of Web Fuzzing Commons, which schemathesis reads. Two
users without roles are peers: neither may read what only the other one can read.
"""

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import jwt

from crudgen.codegen.views.wire import to_json_value
from crudgen.language.access import CLAIMS_OF_USERS, Auth, ClaimType
from crudgen.language.names import ClassName
from crudgen.language.schema import Entity, Schema, TypeName
from tests.fuzzing.rows import Rows
from tests.support.servers import Api

SECRET = "the secret of the issuer of these tests"  # noqa: S105
PASSWORD = "correct horse battery"  # noqa: S105
NOBODY, ALL, USER, PEER, LOGIN, KEY = "nobody", "all", "user", "peer", "login", "key"
SPARE = "spare"
"""The user whose logins the operations of users get; those of other users last."""
OF_CLAIMS = {
    TypeName.INT,
    TypeName.STR,
    TypeName.TEXT,
    TypeName.UUID,
    TypeName.BOOL,
    TypeName.ENUM,
}


def names(auth: Auth | None) -> list[str]:
    """Return the callers of an application; the first has all roles."""
    if auth is None:
        return [ALL]
    own = [LOGIN] * auth.users + [KEY] * auth.keys
    return [ALL, NOBODY, USER, *auth.roles, *own]


@dataclass(frozen=True)
class Callers:
    """The callers of a running application."""

    schema: Schema
    spec: Path
    api: Api
    tokens: dict[str, str] = field(default_factory=dict)

    def environment(self, caller: str) -> Mapping[str, str]:
        """Return what the hooks need: credentials to create rows, and a user for logins."""
        found = {"HEADERS": json.dumps(self._header(ALL))}
        if caller != LOGIN:
            return found
        self._add(SPARE)
        return found | {"LOGS_IN": SPARE, "CREDENTIALS": self._header(caller)["Authorization"]}

    def configuration(self, caller: str, folder: Path) -> str:
        """Return what configures schemathesis for a caller, and write the file that it names."""
        if entity := self._users():
            rows = Rows(self.schema, self.api.client, Random(1))  # noqa: S311
            self.api.client.headers.update(self._header(ALL))
            assert rows.key(entity), "two rows are created"
        if caller == NOBODY:
            return ""
        entries = [
            {"name": one, "fixedHeaders": [{"name": name, "value": value}]}
            for one in dict.fromkeys([USER, PEER, caller])
            for name, value in self._header(one).items()
        ]
        (folder / "callers.json").write_text(json.dumps({"auth": entries}), "utf-8")
        return (
            f'[auth.wfc]\npath = "callers.json"\nuser = "{caller}"\npeers = ["{USER}", "{PEER}"]\n'
        )

    def _header(self, caller: str) -> Mapping[str, str]:
        """Return the header with the credentials of a caller."""
        auth = self.schema.auth
        assert auth is not None
        if caller not in self.tokens:
            self.tokens[caller] = self._token(auth, caller)
        return {"Authorization": f"Bearer {self.tokens[caller]}"}

    def _token(self, auth: Auth, caller: str) -> str:
        if caller == LOGIN:
            self._add("ann")
            return log_in(str(self.api.client.base_url), "ann")
        if caller == KEY:
            entity = self._users()
            row = ["--row", "1"] if entity else [f"--me={one}" for one in self._attributes(auth)]
            roles = [f"--role={role}" for role in auth.roles]
            added = self._run("key", "add", *roles, *row, "--json")
            return str(json.loads(added)[0]["key"])
        known: Mapping[str, list[str]] = {ALL: [*map(str, auth.roles)], USER: [], PEER: []}
        roles = known.get(caller, [caller])
        number = 8 if caller == PEER else 7
        claims: dict[str, Any] = {"sub": str(number), "exp": int(time.time()) + 86_400}
        if entity := self._users():
            claims["row"] = _row(entity, number - 7)
        claims |= dict.fromkeys(_texts(auth), "west" if caller == PEER else "east")
        return jwt.encode(claims | {"roles": roles}, SECRET, "HS256")

    def _attributes(self, auth: Auth) -> list[str]:
        return ["id=7", *(f"{name}=east" for name in _texts(auth))]

    def _add(self, name: str) -> None:
        """Add a user; one who is a row has an existing one."""
        auth = self.schema.auth
        assert auth is not None
        row = [f"--row={1 if name == 'ann' else 2}"]
        if not self._users():
            row = [f"--me={one}" for one in self._attributes(auth)]
        roles = [f"--role={role}" for role in auth.roles]
        self._run("user", "add", name, *row, *roles, "--password-stdin", said=PASSWORD)

    def _users(self) -> Entity | None:
        """Return the entity whose rows are the users, if there is one."""
        auth = self.schema.auth
        name = None if auth is None else auth.user_entity
        return None if name is None else self.schema.entity(ClassName(name))

    def _run(self, *arguments: str, said: str = "") -> str:
        command = [sys.executable, "-m", "crudgen", *arguments, "--database", self.api.database]
        done = subprocess.run(
            command, cwd=self.spec.parent, input=said, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def _texts(auth: Auth) -> list[str]:
    """Return the attributes of callers that are texts, apart from the name of a user."""
    texts = [one for one in auth.me if one.type is ClaimType.STR and not one.many]
    return [str(one.name) for one in texts if one not in CLAIMS_OF_USERS]


def log_in(url: str, name: str) -> str:
    """Return a token for a user."""
    sent = {"username": name, "password": PASSWORD}
    return str(httpx.post(f"{url.rstrip('/')}/login", data=sent, timeout=30).json()["access_token"])


def _row(entity: Entity, number: int) -> dict[str, Any]:
    """Return what a token says of a row: the first or second one that a test creates."""
    values = {
        str(one.name): to_json_value(one, one.samples[number])
        for one in entity.fields
        if one.type in OF_CLAIMS and not one.write_only and not one.computed and not one.optional
    }
    return values | {str(entity.key.name): number + 1}
