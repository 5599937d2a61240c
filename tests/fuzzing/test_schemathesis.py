"""schemathesis asks every operation what its OpenAPI document allows, and what it forbids.

It reads a copy of the document that says more (see tight.py), and refers to rows that exist (see
rows.py).

All of its checks, valid and invalid requests, and sequences of them, on real servers. The usual
run has a fixed seed, and leaves out the systematic cases and some applications. An application with
rules gets requests with the credentials of several callers, and without (see callers.py). The
extended run has a new seed each time: `EXAMPLES=30 python -m pytest -s tests/fuzzing` sends 30
random requests of each kind to each operation, after the systematic ones. It prints the seeds, the
numbers of cases and how many of them succeeded, by operation, which must be some.
"""

import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crudgen.language import load
from tests.fuzzing.callers import ALL, LOGIN, NOBODY, SECRET, Callers, names
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
EVERYWHERE = [
    (name, kind, caller)
    for name, spec in SPECS.items()
    for number, caller in enumerate(names(load(spec).auth))
    for kind in (KINDS if caller == ALL else [KINDS[number % 2]])
]
"""Each application on each database; other callers than the first have one database each."""
IN_TURN = [
    ("hall", "sqlite", ALL),
    ("sensors", "postgresql", ALL),
    ("vault", "postgresql", ALL),
    ("shop", "sqlite", ALL),
    ("clinic", "sqlite", ALL),
    ("clinic", "postgresql", NOBODY),
    ("office", "postgresql", ALL),
    ("office", "sqlite", LOGIN),
]
"""The applications that together have all options, each on one database."""
WIDE = {"MAX_QUERY_PARAMETERS": "100000", "MAX_URL_BYTES": "1000000", "MAX_HEAD_BYTES": "1100000"}
"""No document can say how long a query may be, and the tool sends all parameters at once."""
SETTINGS = {
    **WIDE,
    "AUTH_SECRET": SECRET,
    "PASSWORD_MEMORY_MB": "12",
    "WEBHOOKS": "false",
}
OF_USERS = {"POST /login", "POST /logout", "POST /me/password"}
"""Operations that need a user with a password."""
FORBIDDEN: Mapping[tuple[str, str], set[str]] = defaultdict(
    set, {("clinic", ALL): {"DELETE /rooms/{room_id}", *OF_USERS}, ("office", ALL): OF_USERS}
)
"""Operations that never succeed for a caller with all roles."""
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

    def lacking(self) -> list[str]:
        """Return the operations that never succeeded."""
        return [operation for operation, number in self.succeeded().items() if not number]

    def lines(self) -> Iterator[str]:
        """Yield what is printed of a run."""
        total = sum(self.statuses.values(), Counter[str]())
        yield f"statuses: {dict(sorted(total.items()))}"
        yield f"succeeded with: {dict(sorted(self.used.items()))}"
        for operation, number in self.succeeded().items():
            yield f"{number:6} of {self.statuses[operation].total():6} succeeded: {operation}"


@pytest.mark.slow
@pytest.mark.long_cases("clinic", "hall", "office", "sensors", "vault")
@pytest.mark.parametrize(("name", "kind", "caller"), EVERYWHERE if EXAMPLES else IN_TURN)
def test_the_application_does_what_its_document_says(
    servers: Servers, tmp_path: Path, name: str, kind: str, caller: str
) -> None:
    seed = random.SystemRandom().randrange(2**32) if EXAMPLES else 1
    options = LONG if EXAMPLES else SHORT_SHOP if name == "shop" else SHORT
    schema = load(SPECS[name])
    mode = _with_hooks(servers, SPECS[name])
    api = servers.start(SPECS[name], mode, servers.new_database(kind), settings=SETTINGS)
    configuration = (HERE / "schemathesis.toml").read_text("utf-8")
    environment: Mapping[str, str] = {}
    if schema.auth is not None:
        callers = Callers(schema, SPECS[name], api)
        configuration += callers.configuration(caller, tmp_path)
        environment = callers.environment(caller)
    (tmp_path / "schemathesis.toml").write_text(configuration, "utf-8")
    try:
        document = tightened(api.ask("GET", "/openapi.json").json(), schema)
        (tmp_path / "openapi.json").write_text(json.dumps(document), "utf-8")
        url, entities = str(api.client.base_url), SPECS[name]
        run = _run(url, seed, tmp_path, entities, options=options, given=environment)
    finally:
        api.stop(PATIENT)
    report, cases = run.report, run.report["test_cases"]
    print(f"{name} on {kind} as {caller}: {cases['generated']} cases, seed {seed}")  # noqa: T201
    print(*run.lines() if EXAMPLES else (), sep="\n")  # noqa: T201
    assert report["exit_code"] == 0, run.output
    assert report["operations"]["tested"] == report["operations"]["total"]
    assert (cases["with_failures"], cases["errored"], report["errors"]) == (0, 0, [])
    assert not EXAMPLES or caller != ALL or set(run.lacking()) <= FORBIDDEN[name, caller]


def _with_hooks(servers: Servers, spec: Path) -> str:
    """Return how to run an application: with its functions, which only a project can have."""
    hooks = spec.parent / "hooks"
    if not hooks.is_dir():
        return "served"
    for file in hooks.glob("*.py.txt"):
        folder = file.name.partition(".")[0]
        shutil.copy(file, servers.emit(spec) / "app" / folder / "hooks.py")
    return "emitted"


def _run(
    url: str,
    seed: int,
    folder: Path,
    entities: Path,
    *,
    options: list[str],
    given: Mapping[str, str],
) -> Run:
    command = [
        str(Path(sys.executable).with_name("st")),
        "--no-color",
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
        "HEADERS": "{}",
        **given,
        "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"),
        "PYTHONPATH": str(ROOT),
        "ENTITIES": str(entities),
        "SEED": str(seed),
        "COUNTS": str(folder / "counts.json"),
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
