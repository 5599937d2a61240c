"""schemathesis asks every operation what its OpenAPI document allows, and what it forbids.

It reads a copy of the document that says more (see tight.py), and refers to rows that exist (see
rows.py).

All of its checks, valid and invalid requests, and sequences of them, on real servers. The usual
run has a fixed seed, and leaves out the systematic cases and some applications. The extended run
has a new seed each time: `EXAMPLES=30 python -m pytest -s tests/fuzzing` sends 30 random requests
of each kind to each operation, after the systematic ones. It prints the seeds, the numbers of cases
and how many of them succeeded, by operation, which must be some.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest

from crudgen.language import load
from crudgen.language.access import Auth
from tests.fuzzing.tight import tightened
from tests.support.servers import Servers

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
SPECS = {
    **{folder.name: folder / "entities" for folder in sorted((HERE / "specs").iterdir())},
    "shop": ROOT / "tests/specs/shop/entities",
    "guild": ROOT / "tests/specs/guild/entities",
    "zoo": ROOT / "tests/specs/zoo/entities",
    "hero": ROOT / "entities",
}
KINDS = ("sqlite", "postgresql")
EVERYWHERE = [(name, kind) for name in SPECS for kind in KINDS]
"""Each application on each database."""
IN_TURN = [
    ("hall", "sqlite"),
    ("sensors", "postgresql"),
    ("vault", "postgresql"),
    ("shop", "sqlite"),
    ("clinic", "sqlite"),
]
"""The applications that together have all options, each on one database."""
WIDE = {"MAX_QUERY_PARAMETERS": "100000", "MAX_URL_BYTES": "1000000", "MAX_HEAD_BYTES": "1100000"}
"""No document can say how long a query may be, and the tool sends all parameters at once."""
SETTINGS = {
    **WIDE,
    "AUTH_SECRET": "the secret of the issuer of these tests",
    "WEBHOOKS": "false",
}
OF_USERS = ("POST /login", "POST /logout", "POST /me/password")
"""Operations that need a user with a password, whom the tool does not know."""
PATIENT = 60
"""Seconds: queries with hundreds of parameters leave much to Python's garbage collector."""
SHORT = ["--generation-deterministic", "--max-examples=2", "--phases=examples,fuzzing,stateful"]
SHORT_SHOP = ["--generation-deterministic", "--max-examples=1", "--phases=fuzzing,stateful"]
"""The shop has more operations than the others together."""
LONG = [f"--max-examples={EXAMPLES}", "--generation-database=none"]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of schemathesis."""

    output: str
    report: dict[str, Any]
    statuses: dict[str, Counter[str]]
    """How often each operation returned each status."""
    used: dict[str, int]
    """How often successful requests used parts of the API that few random ones do."""

    def succeeded(self) -> dict[str, int]:
        """Return how often each operation succeeded."""
        return {
            operation: sum(number for status, number in found.items() if status < "3")
            for operation, found in self.statuses.items()
        }

    def lines(self) -> Iterator[str]:
        """Yield what is printed of a run."""
        total = sum(self.statuses.values(), Counter[str]())
        yield f"statuses: {dict(sorted(total.items()))}"
        yield f"succeeded with: {dict(sorted(self.used.items()))}"
        for operation, number in self.succeeded().items():
            yield f"{number:6} of {self.statuses[operation].total():6} succeeded: {operation}"


@pytest.mark.slow
@pytest.mark.long_cases("clinic", "hall", "sensors", "vault")
@pytest.mark.parametrize(("name", "kind"), EVERYWHERE if EXAMPLES else IN_TURN)
def test_the_application_does_what_its_document_says(
    servers: Servers, tmp_path: Path, name: str, kind: str
) -> None:
    seed = random.SystemRandom().randrange(2**32) if EXAMPLES else 1
    options = LONG if EXAMPLES else SHORT_SHOP if name == "shop" else SHORT
    schema = load(SPECS[name])
    mode = _with_hooks(servers, SPECS[name])
    api = servers.start(SPECS[name], mode, servers.new_database(kind), settings=SETTINGS)
    if schema.auth is not None:
        # The tool sends this header also where it means to omit it; "ignored_auth" omits it.
        header = f"--header=Authorization: {_bearer(schema.auth)}"
        options = [*options, header, "--exclude-checks=missing_required_header"]
    try:
        document = tightened(api.ask("GET", "/openapi.json").json(), schema)
        (tmp_path / "openapi.json").write_text(json.dumps(document), "utf-8")
        run = _run(str(api.client.base_url), seed, tmp_path, SPECS[name], options)
    finally:
        api.stop(PATIENT)
    report, cases = run.report, run.report["test_cases"]
    print(f"{name} on {kind}: {cases['generated']} cases, seed {seed}")  # noqa: T201
    print(*run.lines() if EXAMPLES else (), sep="\n")  # noqa: T201
    assert report["exit_code"] == 0, run.output
    assert report["operations"]["tested"] == report["operations"]["total"]
    assert (cases["with_failures"], cases["errored"], report["errors"]) == (0, 0, [])
    forbidden = {"DELETE /rooms/{room_id}", *OF_USERS} if name == "clinic" else set()
    assert not EXAMPLES or all(
        number or operation in forbidden for operation, number in run.succeeded().items()
    )


def _with_hooks(servers: Servers, spec: Path) -> str:
    """Return how to run an application: with its functions, which only a project can have."""
    hooks = spec.parent / "hooks"
    if not hooks.is_dir():
        return "served"
    for file in hooks.glob("*.py.txt"):
        folder = file.name.partition(".")[0]
        shutil.copy(file, servers.emit(spec) / "app" / folder / "hooks.py")
    return "emitted"


def _bearer(auth: Auth) -> str:
    """Return the credentials of a caller with all roles."""
    claims = {"sub": "7", "exp": int(time.time()) + 86_400, "roles": [*auth.roles]}
    return f"Bearer {jwt.encode(claims, SETTINGS['AUTH_SECRET'], 'HS256')}"


def _run(url: str, seed: int, folder: Path, entities: Path, options: list[str]) -> Run:
    command = [
        str(Path(sys.executable).with_name("st")),
        "--no-color",
        f"--config-file={HERE / 'schemathesis.toml'}",
        "run",
        "openapi.json",
        f"--url={url}",
        "--checks=all",
        "--mode=all",
        f"--seed={seed}",
        f"--request-timeout={PATIENT}",
        f"--max-response-time={PATIENT}",
        "--report=json",
        "--report-json-path=report.json",
        *options,
    ]
    environment = {
        "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"),
        "PYTHONPATH": str(ROOT),
        "ENTITIES": str(entities),
        "SEED": str(seed),
        "COUNTS": str(folder / "counts.json"),
        "HEADERS": "\n".join(one.removeprefix("--header=") for one in options if "header=" in one),
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    output = done.stdout + done.stderr
    assert (folder / "report.json").exists(), output
    report = json.loads((folder / "report.json").read_text("utf-8"))
    counts = json.loads((folder / "counts.json").read_text("utf-8"))
    statuses = {name: Counter(found) for name, found in counts["statuses"].items()}
    return Run(output, report, statuses, counts["used"])
