"""A program for the tests: serve the fakes, report as lines of JSON."""

import json
import sys
from pathlib import Path

from crudgen.delivery.generation import Generation
from crudgen.delivery.server import Options, serve
from crudgen.errors import CrudgenError, SpecError
from tests.delivery.fakes import fake_build


class Reporter:
    def report_serving(self, url: str, generation: Generation) -> None:
        self._line(event="serving", url=url, database=generation.database)

    def report_reload(self, generation: Generation) -> None:
        self._line(event="reloaded", name=generation.package.__name__)

    def report_recovery(self) -> None:
        self._line(event="recovered")

    def report_failure(self, error: Exception) -> None:
        place = error.diagnostics[0].location if isinstance(error, SpecError) else None
        self._line(event="failed", kind=type(error).__name__, place=place, text=str(error))

    def _line(self, **values: object) -> None:
        print(json.dumps(values), flush=True)  # noqa: T201 -- the test reads it


def main() -> None:
    entities, workers, keep = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    options = Options(
        port=0,
        workers=workers,
        watch=entities if workers == 1 else None,
        keep=Path(keep[0]) if keep else None,
    )
    try:
        serve(lambda: fake_build(entities), options, Reporter())
    except CrudgenError as error:
        print(error, file=sys.stderr)  # noqa: T201 -- the test reads it
        sys.exit(1)


if __name__ == "__main__":
    main()
