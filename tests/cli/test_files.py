"""Files that are no text, no files or no names for files are said so in two lines."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import forked
from tests.support.servers import emit

pytestmark = pytest.mark.long

HERO = "name: Hero\nfields:\n  name: str\n"
HIDDEN = "hunter2"
SETTING = f"DATABASE_URL=sqlite:///{HIDDEN}.db\n"
BAD_ENV_FILES = {
    "utf-16": (SETTING.encode("utf-16"), ".env is UTF-16, and UTF-8 is expected"),
    "utf-16 without a mark": (SETTING.encode("utf-16-be"), ".env is UTF-16"),
    "utf-32": (SETTING.encode("utf-32"), ".env is UTF-32"),
    "latin-1": (f"A=1\nB={HIDDEN}\xe9\n".encode("latin-1"), ".env:2: this is not UTF-8"),
    "windows-1252": (f"B={HIDDEN}\x80".encode("latin-1"), ".env:1: this is not UTF-8"),
    "binary": (HIDDEN.encode() + bytes(range(256)), ".env:2: this is not UTF-8"),
    "surrogate": (f"A={HIDDEN}".encode() + b"\xed\xa0\x80", ".env:1: this is not UTF-8"),
    "nul": (f"A=1\nB={HIDDEN}\0\n".encode(), ".env:2: NUL is not allowed"),
    "malformed": (f"A=1\n\n\nB {HIDDEN}\n".encode(), ".env:4: this is not a setting"),
    "open quote": (f'A="{HIDDEN}\nB=1\n'.encode(), ".env:1: this is not a setting"),
    "behind a quote": (f"A='{HIDDEN}' x\n".encode(), ".env:1: this is not a setting"),
    "nothing before =": (f"={HIDDEN}\n".encode(), ".env:1: this is not a setting"),
    "yaml": (f"A: {HIDDEN}\n".encode(), ".env:1: this is not a setting"),
    "too large": (SETTING.encode() * 100_000, "it is larger than 1 MiB"),
}
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def crudgen(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return forked.run("crudgen", *arguments, folder=folder, environment=ENVIRONMENT)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "entities").mkdir()
    (tmp_path / "entities/hero.yaml").write_text(HERO)
    return tmp_path


@pytest.fixture(scope="module")
def emitted(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    folder = tmp_path_factory.mktemp("emitted") / "app"
    emit(root / "entities", folder)
    return folder


def refused(project: Path, emitted: Path) -> set[str]:
    """Start both kinds of application; return what they say, which is two lines."""
    served = crudgen(project, "serve", "--port", "0")
    assert served.returncode == 1
    (project / "app").symlink_to(emitted / "app")
    own = forked.run("app.main", folder=project, environment=ENVIRONMENT)
    assert own.returncode == 1
    messages = {
        served.stderr.removeprefix("error: ").rstrip("\n"),
        own.stderr[own.stderr.index("StartupError: ") + len("StartupError: ") :].rstrip("\n"),
    }
    assert all(len(message.split("\n")) == 2 for message in messages)
    assert HIDDEN not in served.stderr + own.stderr
    assert "During handling" not in own.stderr
    return messages


@pytest.mark.long
@pytest.mark.parametrize("what", BAD_ENV_FILES)
def test_an_env_file_that_cannot_be_read(project: Path, emitted: Path, what: str) -> None:
    data, expected = BAD_ENV_FILES[what]
    (project / ".env").write_bytes(data)
    (message,) = refused(project, emitted)
    assert expected in message


@pytest.mark.parametrize("what", ["folder", "loop", "nothing", "device"])
def test_an_env_file_that_is_no_file(project: Path, emitted: Path, what: str) -> None:
    file = project / ".env"
    match what:
        case "folder":
            file.mkdir()
        case "loop":
            file.symlink_to(".env")
        case "nothing":
            file.symlink_to("nowhere")
        case "device":
            file.symlink_to("/dev/zero")
    (message,) = refused(project, emitted)
    assert message.startswith(".env ")


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffDOCS=false\n",
        "\ufeff# a comment\r\n\r\nDOCS=false\r\n",
        "export DOCS=false\nOTHER\nGREETING='Grüße, 漢字'\n",
        'MANY="two\nlines"\nDOCS = false # why',
    ],
)
def test_an_env_file_that_is_fine(emitted: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / ".env").write_bytes(text.encode())
    script = "from app.settings import Settings; print(Settings().docs)"
    assert run(tmp_path, "-c", script, PYTHONPATH=str(emitted)).stdout == "False\n"


def test_an_env_file_may_be_a_pipe(emitted: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".env")
    script = "from app.settings import Settings; print(Settings().docs)"
    command = [sys.executable, "-c", script]
    environment = os.environ | {"PYTHONPATH": str(emitted)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True
    ) as started:
        (tmp_path / ".env").write_text("DOCS=false\n")
        assert started.communicate(timeout=180)[0] == "False\n"


def test_another_env_file_is_checked_too(emitted: Path, tmp_path: Path) -> None:
    (tmp_path / "other.env").write_bytes(b"\xff\xfe")
    script = "from app.settings import Settings; Settings(_env_file=('none.env', 'other.env'))"
    done = run(tmp_path, "-c", script, PYTHONPATH=str(emitted))
    assert "StartupError: other.env is UTF-16" in done.stderr
    script = "from app.settings import Settings; print(Settings(_env_file=None).docs)"
    assert run(tmp_path, "-c", script, PYTHONPATH=str(emitted)).stdout == "True\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
@pytest.mark.parametrize("name", ["entities/team.yaml", "crudgen.yaml"])
def test_a_spec_of_another_encoding(project: Path, name: str, encoding: str) -> None:
    text = "title: Grüße\n" if name == "crudgen.yaml" else "name: Team\nfields: {größe: int}\n"
    (project / name).write_bytes(text.encode(encoding))
    for command in (["check"], ["emit"], ["new", "Other"], ["serve", "--port", "0"]):
        done = crudgen(project, *command)
        assert done.returncode == 1
        assert done.stderr.startswith(f"{name}:")
        assert "UTF-8" in done.stderr.split("\n")[0]
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("data", [b"\xff\xfe{\0", b'{"a": "\xe9"}', b"[" * 100_000, b"{}\0", b"7"])
def test_a_record_that_cannot_be_read(project: Path, data: bytes) -> None:
    crudgen(project, "emit")
    (project / "generated/.crudgen.json").write_bytes(data)
    for command in ("emit", "check"):
        done = crudgen(project, command)
        assert done.returncode == 1
        assert done.stderr.startswith("error: generated/.crudgen.json cannot be read")
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("path", [".crudgen.json", "app/api.py", "README.md"])
def test_a_pipe_among_the_generated_files(project: Path, path: str) -> None:
    crudgen(project, "emit")
    (project / "generated" / path).unlink()
    os.mkfifo(project / "generated" / path)
    done = crudgen(project, "emit")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: generated/{path} is not a regular file")


def test_kept_code_of_another_encoding(project: Path) -> None:
    crudgen(project, "emit")
    main = project / "generated/app/main.py"
    main.write_bytes(main.read_bytes() + b"# \xe9\n")
    done = crudgen(project, "serve", "--keep", "generated", "--port", "0")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {main} is not valid UTF-8\n")
    assert "Traceback" not in done.stderr


DEVICES = (
    *("con", "prn", "aux", "nul", "CON", "Nul", "conin$", "CONOUT$"),
    *(f"{port}{number}" for port in ("com", "lpt") for number in "0123456789¹²³"),
)


@pytest.mark.long
@pytest.mark.parametrize("name", [*DEVICES, "nul.d", "com1.tar.gz", "AUX .x", "out.", "out "])
def test_folders_that_windows_cannot_have(project: Path, name: str) -> None:
    for command in (
        ["emit", "--out", name],
        ["emit", "--out", f"{name}/inside"],
        ["serve", "--port", "0", "--keep", name],
        ["init", name],
    ):
        done = crudgen(project, *command)
        assert done.returncode == 2, done.stdout
        assert "is not portable" in done.stderr
    assert not [entry for entry in project.iterdir() if entry.name != "entities"]


@pytest.mark.parametrize("name", [".", "..", "./out", "console", "com10", "a.con", "nulls", "com"])
def test_folders_that_windows_can_have(tmp_path: Path, name: str) -> None:
    (tmp_path / "here").mkdir()
    assert crudgen(tmp_path / "here", "init", name).returncode == 0


@pytest.mark.parametrize("name", [*DEVICES, "nul.hero"])
def test_files_that_windows_cannot_have(project: Path, name: str) -> None:
    (project / f"entities/{name}.yaml").write_text(HERO.replace("Hero", "Team"))
    done = crudgen(project, "check")
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"entities/{name}.yaml: the file name '{name}.yaml' is not portable\n  rename it"
    )
