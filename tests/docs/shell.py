"""A shell in a folder of its own, which runs the commands of one page and keeps its server.

Ports and PostgreSQL URLs of the page are replaced by those of the test, and back in the output.
"""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.request import urlopen

import psutil

from tests.codegen.emitted import PYTEST_OPTIONS
from tests.docs.pages import ROOT
from tests.support.forked import Forked
from tests.support.servers import free_port

SECONDS = 180.0
"""Longest wait for a command."""
STOP = "Ctrl+C"
"""What a page writes to end its server."""
_SERVER = re.compile(
    r"(?:^|&& )(?:[A-Z_]+=\S+ )*(?:crudgen serve|uvicorn|fastapi|python -m app(?! user))\b[^|&]*$"
)
_CRUDGEN = re.compile(r"crudgen (?:'[^'$]*'|[^'$|&;<>*~`(){}\\])*")
"""A command that needs no shell."""
_WAITS = re.compile(r"^waiting for .* …\n", re.MULTILINE)
_LONG_STEPS = re.compile(
    r"^(\S+: .+?)(?: \(about \d+ s\))? …\n(?:\1: .+ …\n)*\1: \d+\.\d s\n", re.MULTILINE
)
"""What `crudgen apply` prints about a step that takes long, as any may on a busy machine."""
_PORTS = re.compile(r"(?<=[: ])(?:8000|8001|9000)\b")
_URL = re.compile(r"postgresql://[^\s'\"]+/\w+")
_ACCESS_LOG = re.compile(r"^.* uvicorn\.access .*\n", re.MULTILINE)


class Shell:
    """A shell in an empty folder."""

    def __init__(
        self,
        folder: Path,
        new_database: Callable[[], str],
        programs: tuple[Path, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder / "page"
        self._scratch = folder / "scratch"
        self.folder.mkdir()
        self._scratch.mkdir()
        self._new_database = new_database
        self._ports: dict[str, str] = {}
        self._urls: dict[str, str] = {}
        self._server: int | None = None
        self._is_forked = False
        self._log = self._scratch / "log"
        self._seen = 0
        path = [*programs, Path(sys.executable).parent, os.environ["PATH"]]
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=self.folder,
            stdin=subprocess.PIPE,
            text=True,
            env={
                "PATH": os.pathsep.join(map(str, path)),
                "HOME": str(folder),
                "LANG": "C.UTF-8",
                "NO_COLOR": "1",
                "REPOSITORY": str(ROOT),
                # A virtual environment that the page makes finds the packages of this one.
                "PYTHONPATH": os.pathsep.join([sysconfig.get_path("purelib"), str(ROOT)]),
                **PYTEST_OPTIONS,
                "PYTHONUNBUFFERED": "1",
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "PIP_NO_BUILD_ISOLATION": "0",
                "PIP_NO_INDEX": "1",
                "PIP_ROOT_USER_ACTION": "ignore",
                **(environment or {}),
            },
        )
        self._write("set -m")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop_server()
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(SECONDS)

    def run(self, command: str) -> tuple[int, str]:
        """Run a command; return its exit code, and what it printed.

        A server is started in the background and ends the one before; it is ready on return.
        `Ctrl+C` ends it.
        """
        if command == STOP:
            self.stop_server()
            return 0, ""
        if _SERVER.search(command):
            self.stop_server()
            return 0, self._start_server(command)
        is_alone = _CRUDGEN.fullmatch(command) is not None
        command = self._real(command)
        forked = self._run_forked(command) if is_alone else None
        status, output = forked or self._run_here(command)
        return status, self._shown(_LONG_STEPS.sub("", _WAITS.sub("", output)))

    def _run_here(self, command: str) -> tuple[int, str]:
        out, status = self._scratch / "out", self._scratch / "status"
        status.unlink(missing_ok=True)
        self._write(f"{{ {command}\n}} </dev/null >{out} 2>&1")
        self._write(f"echo $? >{status}.part; mv {status}.part {status}")
        _wait(status.exists, command)
        return int(status.read_text()), out.read_text("utf-8")

    def _run_forked(self, command: str) -> tuple[int, str] | None:
        out = self._scratch / "out"
        process = self._fork(command, out)
        return (process.wait(SECONDS), out.read_text("utf-8")) if process else None

    def _fork(self, command: str, output: Path) -> Forked | None:
        """Run crudgen in a process that need not import it; return None if it is another one."""
        _, state = self._run_here("command -v crudgen; pwd; env -0")
        program, folder, variables = state.split("\n", 2)
        if Path(program) != Path(sys.executable).with_name("crudgen"):
            return None
        environment = dict(one.split("=", 1) for one in variables.split("\0") if one)
        output.write_text("")
        arguments = shlex.split(command)
        return Forked(*arguments, folder=Path(folder), environment=environment, output=output)

    def printed(self, wanted: Callable[[str], bool]) -> str:
        """Return what the server has printed since the last time, when it is what is wanted.

        If it never is, return what there is after a minute.
        """
        deadline = time.monotonic() + 60
        while not wanted(found := self._new_lines()) and time.monotonic() < deadline:
            time.sleep(0.05)
        self._seen += len(found)
        return found

    def write(self, path: str, text: str) -> None:
        """Write a file of the page."""
        done, where = self.run("pwd")
        assert done == 0
        file = Path(where.strip()) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_URL.sub(self._url, text), "utf-8")

    def read(self, path: str) -> str:
        """Return the text of a file in the current folder."""
        return (Path(self.run("pwd")[1].strip()) / path).read_text("utf-8")

    def stop_server(self) -> None:
        """Interrupt the server, and wait until every process of it has ended."""
        if self._server is None:
            return
        group, self._server = self._server, None
        with contextlib.suppress(psutil.NoSuchProcess):
            # Not its workers: one that ends while it starts would leave the server waiting for it.
            leader = psutil.Process(group)
            for server in [leader] if self._is_forked else leader.children():
                server.send_signal(signal.SIGINT)
        try:
            _wait(lambda: _has_ended(group), STOP)
        except AssertionError:
            os.killpg(group, signal.SIGKILL)
            raise

    def _start_server(self, command: str) -> str:
        command = self._real(command if "--port" in command else f"{command} --port 8000")
        port = re.search(r"--port (\d+)", command)
        assert port
        self._log.write_text("")
        self._seen = 0
        is_alone = _CRUDGEN.fullmatch(command) and "--workers" not in command
        forked = self._fork(command, self._log) if is_alone else None
        self._is_forked = forked is not None
        self._server = _group(forked) if forked else self._start_here(command)

        def is_ready() -> bool:
            assert self._server
            assert not _has_ended(self._server), f"{command}\n{self._log.read_text('utf-8')}"
            try:
                with urlopen(f"http://127.0.0.1:{port[1]}/live") as answer:
                    return bool(answer.status == 200)
            except OSError:
                return False

        _wait(is_ready, command)
        found = self._new_lines()
        self._seen = len(found)
        return found

    def _start_here(self, command: str) -> int:
        """Start a command in the background; return its process group."""
        pid = self._scratch / "pid"
        pid.unlink(missing_ok=True)
        self._write(f"{{ {command}\n}} </dev/null >{self._log} 2>&1 &")
        self._write(f"echo $! >{pid}.part; mv {pid}.part {pid}")
        _wait(pid.exists, command)
        return int(pid.read_text())

    def _new_lines(self) -> str:
        return self._shown(_ACCESS_LOG.sub("", self._log.read_text("utf-8")))[self._seen :]

    def _write(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def _real(self, command: str) -> str:
        return _PORTS.sub(self._port, _URL.sub(self._url, command))

    def _port(self, found: re.Match[str]) -> str:
        return self._ports.setdefault(found[0], str(free_port()))

    def _url(self, found: re.Match[str]) -> str:
        if found[0] not in self._urls:
            self._urls[found[0]] = self._new_database()
        return self._urls[found[0]]

    def _shown(self, output: str) -> str:
        for shown, real in self._ports.items():
            output = output.replace(f":{real}", f":{shown}")
        for shown, real in self._urls.items():
            output = output.replace(real, shown)
        return output.replace("\r\n", "\n")


def _group(process: Forked) -> int:
    """Return the process group that a process makes at its start."""
    _wait(lambda: process.poll() is not None or os.getpgid(process.pid) == process.pid, "crudgen")
    return process.pid


def _has_ended(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def _wait(is_done: Callable[[], bool], command: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_done():
        assert time.monotonic() < deadline, f"still running: {command}"
        time.sleep(0.05)
