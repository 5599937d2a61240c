"""The suite of notes that belong to callers, at 10^5 rows."""

import sqlite3
import time
from typing import Any

import httpx
import jwt
import psycopg

from bench.data import create_tables
from bench.suites import BASELINE, CRUDGEN, ROOT, Contender, Suite, Target, crudgen, uvicorn

NOTES = 100_000
OWNERS = 1_000
"""Each owner has 100 notes."""
CALLERS = 50
"""How many of the owners send requests."""
SECRET = "a-secret-of-the-benchmark-with-48-characters-000"  # noqa: S105
GUARDED = ROOT / "bench" / "specs" / "notes" / "entities"
OPEN = ROOT / "bench" / "specs" / "open_notes" / "entities"
TASKS = ("get", "list", "patch")
_OPEN = "crudgen, open"


def token(owner: int) -> str:
    """Return the token of an owner, which is valid for a day."""
    claims = {"sub": str(owner), "exp": int(time.time()) + 86_400}
    return jwt.encode(claims, SECRET, algorithm="HS256")


def fill(url: str) -> None:
    """Create the table as crudgen does, and insert rows."""
    create_tables(OPEN, url)
    columns = "INSERT INTO note (title, text, owner_id)"
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.executemany(
                f"{columns} VALUES (?, ?, ?)",
                ((f"note {n}", f"text {n}", _owner(n)) for n in range(1, NOTES + 1)),
            )
        connection.close()
        return
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(
            f"{columns} SELECT 'note ' || n, 'text ' || n, (n - 1) % {OWNERS} + 1"
            f" FROM generate_series(1, {NOTES}) n"
        )
        server.execute("VACUUM ANALYZE note")


def _owner(note: int) -> int:
    return (note - 1) % OWNERS + 1


def _requests(*, filtered: bool = False) -> dict[str, str]:
    """Return the Lua code of each task: a caller asks for notes of their own."""
    tokens = ", ".join(f'"Bearer {token(owner)}"' for owner in range(1, CALLERS + 1))
    start = (
        f"tokens = tokens or {{{tokens}}}\n"
        f"  local owner = math.random(1, {CALLERS})\n"
        f"  local note = owner + {OWNERS} * math.random(0, {NOTES // OWNERS - 1})\n"
        '  local headers = {authorization = tokens[owner], ["content-type"] = "application/json"}\n'
        "  return wrk.format"
    )
    where = ' .. "&owner_id=" .. owner' if filtered else ""
    return {
        "get": f'{start}("GET", "/notes/" .. note, headers)',
        "list": f'{start}("GET", "/notes/?limit=100"{where}, headers)',
        "patch": f"""{start}("PATCH", "/notes/" .. note, headers, '{{"text": "new"}}')""",
    }


def _check(client: httpx.Client, *, is_guarded: bool) -> bool:
    """Return whether callers see their own notes, and those only."""
    headers = {"authorization": f"Bearer {token(7)}"}

    def found(path: str) -> Any:
        return client.get(path, headers=headers).raise_for_status().json()

    where = "" if is_guarded else "&owner_id=7"
    page = found(f"/notes/?limit=100{where}")
    own = found("/notes/7")["title"] == "note 7" and len(page) == 100
    changed = client.patch("/notes/7", headers=headers, json={"text": "text 7"})
    others = [client.get("/notes/8", headers=headers), client.get("/notes/7")]
    hidden = [one.status_code for one in others] == ([404, 401] if is_guarded else [200, 200])
    return own and changed.is_success and hidden and all(one["owner_id"] == 7 for one in page)


def _contender(name: str, command: Any, *, is_guarded: bool = True) -> Contender:
    return Contender(
        name,
        command,
        _requests(filtered=not is_guarded),
        "/notes/1",
        check=lambda client: _check(client, is_guarded=is_guarded),
    )


NOTES_SUITE = Suite(
    "access",
    TASKS,
    (
        _contender(CRUDGEN, crudgen(GUARDED)),
        _contender(_OPEN, crudgen(OPEN), is_guarded=False),
        _contender(BASELINE, uvicorn("by_hand_guarded")),
    ),
    fill,
    environment={"AUTH_SECRET": SECRET},
    targets=tuple(Target(kind, "get", _OPEN, 0.8) for kind in ("sqlite", "postgresql")),
)
