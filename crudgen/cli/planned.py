"""The text of a plan. Reason to change: how a plan is shown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crudgen.cli import console, source

if TYPE_CHECKING:
    from crudgen.evolution.plan import Note, Plan, Problem, Step

Names = Mapping[tuple[str, str | None], str]
"""What messages call tables and columns."""
_STYLES = {"+": "green", "-": "red", "~": "cyan", "!": "bold red", "·": "dim"}
_MAX_WIDTH = 48
"""The width of a column of the output, at most. Longer texts move what follows them."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of a table: its mark, the column, what changes, what it locks, and a warning."""

    mark: str
    column: str
    what: str
    effect: str = ""
    warning: str = ""
    below: Sequence[str] = ()


def show(plan: "Plan", names: Names, *, with_sql: bool = False) -> None:
    """Print the changes, problems and notes of a plan, table by table."""
    tables = [one.table for one in plan.steps]
    tables += [one.table for one in plan.problems if one.table]
    tables += [one.table for one in plan.notes]
    for table in dict.fromkeys(tables):
        lines = list(_lines(plan, table, names))
        rows = plan.rows.get(table)
        console.say()
        counted = f"  {source.count(rows, 'row')}" if rows else ""
        console.say_parts(("  " + names.get((table, None), table), "bold"), (counted, "dim"))
        _print(lines)
    others = [one for one in plan.problems if not one.table]
    _print([_problem(one, names) for one in others])
    if with_sql and plan.steps:
        console.say()
        for step in plan.steps:
            for statement in step.sql:
                console.say(f"{statement.rstrip(';')};", "dim" if step.online else "")
    console.say()


def advise(notes: "Sequence[Note]", names: Names) -> str:
    """Return the text of notes that are shown without their plan."""
    return "\n".join(
        f"{names.get((one.table, one.column), one.column or one.table)}: {one.text}"
        for one in notes
    )


def summary(plan: "Plan", command: str) -> None:
    """Print what follows from a plan; `command` applies it."""
    for line in plan.unused:
        console.say(f"without effect: {line}", "yellow")
    if plan.problems:
        console.say(f"{source.count(len(plan.problems), 'problem')}: nothing will be done", "red")
    elif plan.steps:
        changes = source.count(len(plan.steps), "change")
        console.say(f"{changes}, plan {plan.digest}; make them with: {command}")
    else:
        console.say("nothing to do: the tables are those of the spec", "green")


def _lines(plan: "Plan", table: str, names: Names) -> Iterator[_Line]:
    for step in plan.steps:
        if step.table == table:
            yield _step(step, names)
    for problem in plan.problems:
        if problem.table == table:
            yield _problem(problem, names)
    for note in plan.notes:
        if note.table == table:
            yield _Line("·", _column(table, note.column, names), note.text)


def _step(step: "Step", names: Names) -> _Line:
    mark = step.what[:1] if step.what[:2] in {"+ ", "- "} else "~"
    what = step.what if mark == "~" else step.what[2:]
    seconds = f", ~{step.seconds:.0f} s" if step.seconds and step.seconds >= 1 else ""
    risk = "" if step.risk == "safe" else f"{step.risk}; "
    warning = "running servers fail" if step.breaks_running else ""
    return _Line(
        mark, _column(step.table, step.column, names), what, f"{risk}{step.lock}{seconds}", warning
    )


def _problem(problem: "Problem", names: Names) -> _Line:
    below = [problem.remedy, *([problem.place] if problem.place else [])]
    if problem.examples:
        keys = [", ".join(map(str, key)) for key in problem.examples]
        shown = [
            f"({key})" if len(one) > 1 else key
            for key, one in zip(keys, problem.examples, strict=True)
        ]
        more = ", …" if problem.count > len(keys) else ""
        below.append(f"keys {', '.join(shown)}{more}")
    if problem.select:
        below.append(problem.select)
    column = _column(problem.table, problem.column, names)
    return _Line("!", column, problem.what, below=below)


def _column(table: str, column: str | None, names: Names) -> str:
    """Return what a column is called below the name of its table."""
    if column is None:
        return ""
    entity = names.get((table, None), table)
    return names.get((table, column), column).removeprefix(f"{entity}.")


def _print(lines: Sequence[_Line]) -> None:
    width = max((len(line.column) for line in lines), default=0)
    steps = [line for line in lines if line.effect]
    whats = min(max((len(line.what) for line in steps), default=0), _MAX_WIDTH)
    effects = max((len(line.effect) for line in steps if line.warning), default=0)
    for line in lines:
        style = _STYLES.get(line.mark, "")
        name = f"{line.column:{width}}  " if width else ""
        what = f"{line.what:{whats}}" if line.effect else line.what
        warning = f"  {line.warning}" if line.warning else ""
        effect = f"  {line.effect:{effects if warning else 0}}" if line.effect else ""
        console.say_parts(
            (f"    {line.mark} ", style),
            (name, ""),
            (what, "dim" if line.mark == "·" else ""),
            (effect, "dim"),
            (warning, "yellow"),
        )
        for text in line.below:
            console.say(f"      {'':{len(name)}}{text}")
