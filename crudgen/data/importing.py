"""Inserts the rows of a file that others wrote. Reason to change: what becomes of wrong rows.

All rows are inserted, or none; with `skips`, all but the wrong ones.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from crudgen.errors import DataError
from crudgen.evolution.statements import run

from .batch_insert import batch_insert
from .entity_rows import EntityRows, Problem, RowProblemsError
from .imported_rows import ImportedFile, ImportedRow
from .problems import MAX_PROBLEMS
from .writing import Report

_BATCH = 500
Valid: TypeAlias = tuple[ImportedRow, Mapping[str, Any]]
"""A row, and its values by column."""
Wrong: TypeAlias = tuple[ImportedRow, Sequence[Problem]]
"""A row, and what is wrong with it."""


@dataclass(slots=True)
class Imported:
    """What became of the rows of a file."""

    inserted: int = 0
    skipped: int = 0
    problems: list[str] = field(default_factory=list)
    """What is wrong with the first rows, a line each, with their places."""


class Import:
    """Inserts rows in a transaction. `reject` gets the rows that are skipped."""

    def __init__(
        self,
        connection: Connection,
        rows: EntityRows,
        file: ImportedFile,
        reject: Callable[[ImportedRow], None] | None,
    ) -> None:
        self._connection, self._rows, self._file = connection, rows, file
        self._reject = reject
        self._insert = batch_insert(connection, rows.table)
        self.result = Imported()

    def run(self, report: Report) -> Imported:
        """Insert all rows. Raises DataError if some are wrong and are not to be skipped."""
        while batch := list(islice(self._file.rows, _BATCH)):
            wrong: list[Wrong] = []
            valid = [*self._validated(batch, wrong)]
            wrong += self._refused(valid)
            for row, problems in sorted(wrong, key=lambda one: one[0].line):
                self._record_wrong_row(row, problems)
            report(len(batch))
            if self._reject is None and len(self.result.problems) >= MAX_PROBLEMS:
                break
        if self._reject is None and self.result.problems:
            lines = self.result.problems[:MAX_PROBLEMS]
            more = ["  and possibly more"] if len(self.result.problems) >= MAX_PROBLEMS else []
            raise DataError("\n".join([*lines, *more, "  nothing was changed"]))
        return self.result

    def _validated(self, batch: Sequence[ImportedRow], wrong: list[Wrong]) -> Iterator[Valid]:
        for row in batch:
            try:
                if row.problem:
                    raise RowProblemsError([("", row.problem)])  # noqa: TRY301 -- as others
                yield row, self._rows.values(row.body)
            except RowProblemsError as error:
                wrong.append((row, error.problems))

    def _refused(self, valid: Sequence[Valid]) -> Iterator[Wrong]:
        """Insert rows in their order, and yield those that the database refuses.

        A part with refused rows is halved until each of them is alone.
        """
        if not valid:
            return
        refused_row_error = self._refused_together([values for _, values in valid])
        if refused_row_error is None:
            self.result.inserted += len(valid)
        elif len(valid) == 1:
            (row, values) = valid[0]
            yield (
                row,
                self._rows.refusal_error(
                    refused_row_error, self._connection, values, row.body
                ).problems,
            )
        else:
            half = len(valid) // 2
            yield from self._refused(valid[:half])
            yield from self._refused(valid[half:])

    def _refused_together(self, values: Sequence[Mapping[str, Any]]) -> DBAPIError | None:
        """Insert rows, or none of them: return the error if the database refuses one."""
        run(self._connection, "SAVEPOINT batch")
        refused_row_error = None
        try:
            self._insert(values)
        except DBAPIError as error:
            if not self._rows.is_refusal(error):
                raise  # the connection may be lost
            run(self._connection, "ROLLBACK TO SAVEPOINT batch")
            refused_row_error = error
        run(self._connection, "RELEASE SAVEPOINT batch")
        return refused_row_error

    def _record_wrong_row(self, row: ImportedRow, problems: Sequence[Problem]) -> None:
        """Record that a row is wrong."""
        self.result.skipped += 1
        place = f"{self._file.name}:{row.line}"
        if len(self.result.problems) < MAX_PROBLEMS:
            for name, problem in problems:
                text = f"{name}: {problem}" if name else problem
                self.result.problems.append(f"{place}: {text}")
        if self._reject is not None:
            self._reject(row)
