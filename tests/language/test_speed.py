"""References make loading a spec a little slower, also where all of them form circles."""

import random
import time

from crudgen.language import load_texts

ENTITIES = 400
FIELDS = "  name: str(1..80) unique\n  age: int? index\n  note: text?\n  city: str\n"


def texts(*, related: bool) -> dict[str, str]:
    """Write entities of six fields; two of them can be references to random entities."""
    source = random.Random(1)  # noqa: S311 - the same at every run
    files = {}
    for number in range(ENTITIES):
        files[f"e{number}.yaml"] = f"name: Entity{number}\nfields:\n{FIELDS}" + "".join(
            f"  to{key}_id: -> Entity{source.randrange(ENTITIES)}? inverse(from_{number}_{key})\n"
            if related
            else f"  to{key}_id: int? index\n"
            for key in range(2)
        )
    return files


def test_references_cost_little() -> None:
    """It is about 1.2 times as long. Anything quadratic in the references fails."""
    specs = [texts(related=related) for related in (False, True)]
    took = [float("inf"), float("inf")]
    for _ in range(4):
        for kind, files in enumerate(specs):
            start = time.process_time()
            load_texts(files)
            took[kind] = min(took[kind], time.process_time() - start)
    assert took[1] < 1.6 * took[0]
