"""A program that writes NEW to a folder, and is killed or fails at a given change of the folder.

It reads one JSON array for each write from its input, [step, folder, "kill" or "fail"], does it in
a fork of its own, and prints [exit code, message]. A fork takes milliseconds, a new process of
Python a third of a second, and there are some two hundred writes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from crudgen.delivery.comparing import Choices
from crudgen.delivery.disk import write
from crudgen.errors import OutputError
from tests.delivery.trees import NEW, make_tree

ROOT = Path(__file__).parents[2]
DONE, REFUSED, IGNORED, KILLED = 0, 1, 2, 9
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir"}
"""Every change of a folder raises one of these audit events first."""


class Writes:
    """The program as a process; each call is one write."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=30)

    def kill(self, step: int, folder: Path) -> bool:
        """Kill a write before its change number `step`; tell whether it came that far."""
        code, message = self._write(step, folder, "kill")
        assert code in {DONE, KILLED}, message
        return code == KILLED

    def fail(self, step: int, folder: Path) -> tuple[int, str]:
        """Let the change number `step` of a write fail: REFUSED, IGNORED, or DONE without it."""
        return self._write(step, folder, "fail")

    def _write(self, step: int, folder: Path, how: str) -> tuple[int, str]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps([step, str(folder), how]) + "\n")
        self._process.stdin.flush()
        code, message = json.loads(self._process.stdout.readline())
        return code, message


def main() -> None:
    for line in sys.stdin:
        reader, writer = os.pipe()
        process = os.fork()
        if not process:
            os.close(reader)
            code, message = _write(*json.loads(line))
            os.write(writer, message.encode())
            os._exit(code)
        os.close(writer)
        with os.fdopen(reader, "rb") as pipe:
            message = pipe.read().decode()
        _, status = os.waitpid(process, 0)
        print(json.dumps([os.waitstatus_to_exitcode(status), message]), flush=True)  # noqa: T201


def _write(step: int, folder: str, how: str) -> tuple[int, str]:
    left = step

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        is_opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_CREAT
        if event in CHANGES or (is_opened and ".crudgen" in str(arguments[0])):
            left -= 1
            if left == -1:
                if how == "kill":
                    os._exit(KILLED)
                raise OSError(5, "injected")

    sys.addaudithook(count)
    try:
        write(make_tree(NEW), Path(folder), Choices(prune=True))
    except OutputError as error:
        return REFUSED, str(error)
    return (IGNORED if left < 0 else DONE), ""


if __name__ == "__main__":
    main()
