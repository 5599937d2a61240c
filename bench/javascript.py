"""The contenders in JavaScript: their runtimes and packages, installed from npm."""

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

_APPS = Path(__file__).parent / "apps"
_PROGRAMS = _APPS / "node_modules/.bin"
_OLDEST_NODE = 22
"""The first version of Node.js with a module for SQLite."""


def fastify(port: int, url: str) -> list[str]:
    """Return the command of the application in Fastify."""
    return [_node() or "node", *_arguments("with_fastify.js", port, url)]


def bun(port: int, url: str) -> list[str]:
    """Return the command of the application in Bun."""
    return [str(_PROGRAMS / "bun"), *_arguments("with_bun.ts", port, url)]


def missing_fastify() -> str | None:
    """Return why Fastify cannot run here; None if it can."""
    problem = _missing_packages()
    if problem is None and _node() is None:
        problem = f"it needs Node.js {_OLDEST_NODE} or newer"
    return problem


def missing_bun() -> str | None:
    """Return why Bun cannot run here; None if it can."""
    return _missing_packages() or _failure([str(_PROGRAMS / "bun"), "--version"])


def _arguments(app: str, port: int, url: str) -> list[str]:
    return [str(_APPS / app), str(port), url.removeprefix("sqlite:///")]


@cache
def _missing_packages() -> str | None:
    """Install the packages unless they are; return why that failed."""
    wanted, installed = _APPS / "package-lock.json", _APPS / "node_modules/.package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= wanted.stat().st_mtime:
        return None
    if shutil.which("npm") is None:
        return "npm is not installed"
    print(f"installing the packages of {_APPS / 'package.json'}", file=sys.stderr, flush=True)
    return _failure(["npm", "ci", "--silent", "--prefix", str(_APPS)])


@cache
def _node() -> str | None:
    """Return the path of a Node.js that is new enough: npm's, or else the machine's."""
    for program in (str(_PROGRAMS / "node"), "node"):
        if _failure([program, "--version"]) is None:
            done = subprocess.run(
                [program, "--version"], check=True, capture_output=True, text=True
            )
            if int(done.stdout.strip().removeprefix("v").partition(".")[0]) >= _OLDEST_NODE:
                return program
    return None


def _failure(command: list[str]) -> str | None:
    """Run a command; return why it failed."""
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    except subprocess.CalledProcessError as error:
        return f"{' '.join(command)} failed: {error.stderr.strip()[-500:]}"
    return None
