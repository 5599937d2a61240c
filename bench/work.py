"""The tasks that are measured, each as a script for wrk."""

from dataclasses import dataclass

ROWS = 100_000
HERO = '{"name": "Rusty-Man", "age": 48, "secret_name": "Tommy Sharp"}'


@dataclass(frozen=True, slots=True)
class Paths:
    """Paths of the rows of a contender."""

    rows: str = "/heroes/"
    row: str = "/heroes/%d"
    """Format for Lua's string.format; its argument is the ID of the row."""
    page: str = "/heroes/?limit=100"
    deep_page: str = "/heroes/?offset=50000&limit=100"


WORKS = ("get", "list", "deep list", "create", "patch", "mix")


def script(work: str, paths: Paths) -> str:
    """Return the Lua script of a task."""
    get = f'wrk.format("GET", string.format("{paths.row}", math.random(1, {ROWS})))'
    patch = (
        f'wrk.format("PATCH", string.format("{paths.row}", math.random(1, {ROWS})), json, '
        "'{\"age\": ' .. math.random(1, 99) .. '}')"
    )
    requests = {
        "get": f"return {get}",
        "list": f'return wrk.format("GET", "{paths.page}")',
        "deep list": f'return wrk.format("GET", "{paths.deep_page}")',
        "create": f'return wrk.format("POST", "{paths.rows}", json, \'{HERO}\')',
        "patch": f"return {patch}",
        "mix": f"if math.random(1, 10) == 1 then return {patch} end\n  return {get}",
    }
    return (
        'json = {["Content-Type"] = "application/json"}\n'
        "math.randomseed(os.time())\n"
        f"request = function()\n  {requests[work]}\nend\n"
    )
