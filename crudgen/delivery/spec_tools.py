"""The tools about a spec. Reason to change: another tool, or its description."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import Field, StrictStr

from crudgen.delivery.agents import SpecTool
from crudgen.kit.mcp.arguments import Arguments

Report = Mapping[str, Any]


class NoArguments(Arguments):
    """Arguments of `check_spec` and `plan_database`: none."""


class ExplainSpec(Arguments):
    """Arguments of `explain_spec`."""

    entity: Annotated[StrictStr, Field(min_length=1, description="Such as Hero.")]


def spec_tools(
    check: Callable[[], Report], explain: Callable[[str], Report], plan: Callable[[], Report]
) -> Iterator[SpecTool]:
    """Yield the tools about a spec, which these functions do."""
    yield SpecTool(
        "check_spec",
        "Check the YAML files of the spec: problems with file, line, column and remedy.",
        NoArguments,
        check,
    )
    yield SpecTool(
        "explain_spec",
        "Return an entity of the spec in the long form, with all defaults.",
        ExplainSpec,
        explain,
    )
    yield SpecTool(
        "plan_database",
        "Return what has to change in the database for the spec. Nothing is changed.",
        NoArguments,
        plan,
    )
