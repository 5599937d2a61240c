"""schemathesis asks every operation what its OpenAPI document allows, and what it forbids.

It reads a copy of the document that says more (see tight.py).

All of its checks, valid and invalid requests, and sequences of them, on real servers. The usual
run has a fixed seed, and leaves out the systematic cases and the zoo. The extended run has a new
seed each time: `EXAMPLES=30 python -m pytest -s tests/fuzzing` sends 30 random requests of each
kind to each operation, after the systematic ones, and prints the seeds and the numbers of cases.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crudgen.language import load
from tests.fuzzing.tight import tightened
from tests.support.servers import Servers

HERE = Path(__file__).parent
EXAMPLES = int(os.environ.get("EXAMPLES", "0"))
SPECS = {
    "hero": HERE.parents[1] / "entities",
    "zoo": HERE.parent / "specs/zoo/entities",
    **{folder.name: folder / "entities" for folder in sorted((HERE / "specs").iterdir())},
}
KINDS = ("sqlite", "postgresql")
EVERYWHERE = [(name, kind) for name in SPECS for kind in KINDS]
"""Each application on each database."""
IN_TURN = [(name, KINDS[number % 2]) for number, name in enumerate(SPECS) if name != "zoo"]
"""Each application once, on one database or the other."""
WIDE = {"MAX_QUERY_PARAMETERS": "100000", "MAX_URL_BYTES": "1000000", "MAX_HEAD_BYTES": "1100000"}
"""No document can say how long a query may be, and the tool sends all parameters at once."""
SHORT = ["--max-examples=5", "--generation-deterministic", "--phases=examples,fuzzing,stateful"]
LONG = [f"--max-examples={EXAMPLES}", "--generation-database=none"]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), EVERYWHERE if EXAMPLES else IN_TURN)
def test_the_application_does_what_its_document_says(
    servers: Servers, tmp_path: Path, name: str, kind: str
) -> None:
    seed = random.SystemRandom().randrange(2**32) if EXAMPLES else 1
    api = servers.start(SPECS[name], "served", servers.new_database(kind), settings=WIDE)
    try:
        document = tightened(api.ask("GET", "/openapi.json").json(), load(SPECS[name]))
        (tmp_path / "openapi.json").write_text(json.dumps(document), "utf-8")
        output, report = _run(str(api.client.base_url), seed, tmp_path)
    finally:
        api.stop()
    cases = report["test_cases"]
    print(f"{name} on {kind}: {cases['generated']} cases, seed {seed}", *_in_vain(report))  # noqa: T201
    assert report["exit_code"] == 0, output
    assert report["operations"]["tested"] == report["operations"]["total"]
    assert (cases["with_failures"], cases["errored"], report["errors"]) == (0, 0, [])


def _in_vain(report: dict[str, Any]) -> list[str]:
    """List the operations of which no random request was accepted, for lack of a row."""
    return [
        f"(only refused: {operation})"
        for operation, phases in report["valid_rates"].items()
        if not sum(phase["accepted"] for phase in phases.values())
    ]


def _run(url: str, seed: int, folder: Path) -> tuple[str, dict[str, Any]]:
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
        "--report=json",
        "--report-json-path=report.json",
        *(LONG if EXAMPLES else SHORT),
    ]
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"SCHEMATHESIS_HOOKS": str(HERE / "hooks.py")},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    output = done.stdout + done.stderr
    assert (folder / "report.json").exists(), output
    return output, json.loads((folder / "report.json").read_text("utf-8"))
