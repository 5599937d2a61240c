"""The text of a plan. Reason to change: how a plan is shown."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crudgen.cli import console, source

if TYPE_CHECKING:
    from crudgen.evolution.plan import Note, Plan, Problem, Step

Names = Mapping[tuple[str, str | None], str]
"""What messages call tables and columns."""
_STYLES = {"+": "green", "-": "red", "~": "cyan", "!": "bold red", "·": "dim"}
_SAME = "in the same copy"
_SHARED = {
    "the table is copied, writers wait",
    "all rows are rewritten, everybody waits",
    _SAME,
}
"""Locks that changes of a table share."""
_MIN_WIDTH = 60
"""The width of narrower terminals."""


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
    new, others = _new_tables(plan), _other_tables(plan, names)
    tables = [one.table for one in plan.steps]
    tables += [one.table for one in plan.problems if one.table]
    tables += [one.table for one in plan.notes]
    if new:
        console.say()
        console.say("  new tables", "bold")
        _print_lines([_Line("+", names.get((table, None), table), "") for table in new])
    for table in dict.fromkeys(tables):
        if table in new or table in others:
            continue
        heading = _table_heading(plan, table)
        console.say()
        console.say_parts(
            ("  " + names.get((table, None), table), "bold"),
            (f"  {heading}" * bool(heading), "dim"),
        )
        _print_lines(list(_table_lines(plan, table, names)))
    if others:
        console.say()
        console.say("  other tables", "bold")
        noted = [one for one in plan.notes if one.table in others]
        _print_lines([_Line("·", _live_name(one), one.text) for one in noted])
    general = [one for one in plan.problems if not one.table]
    _print_lines([_problem_line(one, names) for one in general])
    if with_sql and plan.steps:
        console.say()
        for step in plan.steps:
            for statement in step.sql:
                console.say(f"{statement.rstrip(';')};", "dim" if step.online else "")
    console.say()


def _live_name(note: "Note") -> str:
    """Return the name of the table, or of the column, that a note is about."""
    return note.table if note.column is None else f"{note.table}.{note.column}"


def notes_text(notes: "Sequence[Note]", names: Names) -> str:
    """Return the text of notes that are shown without their plan."""
    return "\n".join(
        f"{names.get((one.table, one.column), one.column or one.table)}: {one.text}"
        for one in notes
    )


def _new_tables(plan: "Plan") -> list[str]:
    """Return the tables that are created, and about which there is nothing else to say."""
    more = [one.table for one in plan.problems] + [one.table for one in plan.notes]
    more += [step.table for step in plan.steps if not step.creates_table]
    return [one.table for one in plan.steps if one.creates_table and one.table not in more]


def _other_tables(plan: "Plan", names: Names) -> set[str]:
    """Return the tables that are not in the spec, and that only notes are about."""
    more = {one.table for one in plan.steps} | {one.table for one in plan.problems}
    return {one.table for one in plan.notes if (one.table, None) not in names} - more


def print_summary(plan: "Plan", command: str) -> None:
    """Print the number of changes or problems, and how to go on; `command` applies the plan."""
    for line in plan.unused:
        console.say(f"without effect: {line}", "yellow")
    if plan.problems:
        console.say(f"{source.count(len(plan.problems), 'problem')}: nothing will be done", "red")
    elif plan.steps:
        console.say(f"{source.count(len(plan.steps), 'change')}, plan {plan.digest}")
        if any(step.breaks_running for step in plan.steps):
            console.say("servers with the former spec fail as marked:", "yellow")
            console.say("  stop them first, or make the changes in several releases")
        else:
            console.say("servers with the former spec keep working")
        console.say(f"make the changes with: {command}")
    else:
        console.say("nothing to do: the tables are those of the spec", "green")


def _table_lines(plan: "Plan", table: str, names: Names) -> Iterator[_Line]:
    steps = [step for step in plan.steps if step.table == table]
    shared = {step.lock for step in steps if step.lock in _SHARED}
    columns = dict.fromkeys(step.column or step.what for step in steps)
    for column in columns:
        yield _change_line(
            [one for one in steps if (one.column or one.what) == column], shared, names
        )
    for problem in plan.problems:
        if problem.table == table:
            yield _problem_line(problem, names)
    for note in plan.notes:
        if note.table == table:
            yield _Line("·", _column_name(table, note.column, names), note.text)


def _change_line(steps: "Sequence[Step]", shared: Collection[str], names: Names) -> _Line:
    """Return the line of the steps of a column, without the `shared` locks of its table."""
    mark = steps[0].what[:1] if steps[0].what[:2] in {"+ ", "- "} else "~"
    what = "; ".join(step.what.removeprefix(f"{mark} ") for step in steps)
    risks = [str(step.risk) for step in steps if step.risk != "safe"]
    locks = [_lock_text(step) for step in steps if step.lock not in {"instant", *shared, *_SHARED}]
    if not locks and not shared:
        locks = ["instant"]
    running = [step.running for step in steps if step.running]
    return _Line(
        mark,
        _column_name(steps[0].table, steps[0].column, names),
        what,
        "; ".join(dict.fromkeys([*risks, *locks])),
        f"running servers: {', '.join(dict.fromkeys(running))}" if running else "",
    )


def _lock_text(step: "Step") -> str:
    seconds = f", ~{step.seconds:.0f} s" if step.seconds and step.seconds >= 1 else ""
    return f"{step.lock}{seconds}"


def _table_heading(plan: "Plan", table: str) -> str:
    """Return the number of rows of a table, and what happens to all of them."""
    rows = plan.rows.get(table)
    found = [source.count(rows, "row")] if rows else []
    steps = [step for step in plan.steps if step.table == table and step.lock in _SHARED]
    found += [_lock_text(step) for step in steps if step.lock != _SAME]
    return "; ".join(dict.fromkeys(found))


def _problem_line(problem: "Problem", names: Names) -> _Line:
    below = [*problem.remedy.split("; "), *([problem.place] if problem.place else [])]
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
    column = _column_name(problem.table, problem.column, names)
    return _Line("!", column, problem.what, below=below)


def _column_name(table: str, column: str | None, names: Names) -> str:
    """Return what a column is called below the name of its table."""
    if column is None:
        return ""
    entity = names.get((table, None), table)
    return names.get((table, column), column).removeprefix(f"{entity}.")


def _print_lines(lines: Sequence[_Line]) -> None:
    """Print lines in columns. If these are too wide, effects and warnings get lines of their own.

    Nothing is wrapped, so that commands and SQL can be copied.
    """
    names = max((len(line.column) for line in lines), default=0)
    whats = max((len(line.what) for line in lines if line.effect or line.warning), default=0)
    effects = max((len(line.effect) for line in lines if line.warning), default=0)
    warnings = max((len(line.warning) for line in lines), default=0)
    indent = " " * (6 + names + 2 * bool(names))
    needed = max((len(line.effect) for line in lines), default=0)
    needed = max(needed, effects + 2 + warnings if warnings else 0)
    is_wide = len(indent) + whats + 2 + needed > max(console.width(), _MIN_WIDTH)
    for line in lines:
        name = f"{line.column:{names}}  " if names else ""
        mark, style = (f"    {line.mark} ", _STYLES.get(line.mark, "")), "dim" * (line.mark == "·")
        if is_wide or not (line.effect or line.warning):
            console.say_parts(mark, (name if line.what else name.rstrip(), ""), (line.what, style))
            if both := [one for one in (line.effect, line.warning) if one]:
                console.say(indent + "; ".join(both), "yellow" if line.warning else "dim")
        else:
            what = f"{line.what:{whats}}  "
            effect = f"{line.effect:{effects}}" if line.warning else line.effect
            warning = f"  {line.warning}" if effects and line.warning else line.warning
            console.say_parts(mark, (name, ""), (what, style), (effect, "dim"), (warning, "yellow"))
        for text in line.below:
            console.say(indent + text)
