"""A client of yaml-language-server, the language server of VS Code's YAML extension and others.

`npm ci --prefix tests/external/editor` installs it.
"""

import json
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FOLDER = Path(__file__).parent / "editor"
TIMEOUT = 60.0
"""Seconds for an answer, which takes milliseconds unless the machine is busy."""
CAPABILITIES = {
    "textDocument": {
        "completion": {
            "completionItem": {
                "snippetSupport": True,
                "documentationFormat": ["markdown", "plaintext"],
            }
        },
        "hover": {"contentFormat": ["markdown"]},
        "publishDiagnostics": {},
    }
}
SETTINGS = {"validate": True, "completion": True, "hover": True, "schemaStore": {"enable": False}}


@dataclass(frozen=True)
class Proposal:
    """A completion: what the editor lists, and the line after it is accepted."""

    label: str
    line: str
    doc: str
    rank: str


@dataclass(frozen=True)
class Found:
    """A diagnostic: the text that the editor underlines, and the message."""

    text: str
    message: str


class LanguageServer:
    """A running server, whose workspace is a folder."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("yaml-language-server", path=FOLDER / "node_modules" / ".bin")
        assert program, f"{FOLDER} has no server; .ci/run shows how to install it"
        self.folder = folder.resolve()
        self.process = subprocess.Popen(
            [program, "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self.sent = 0
        self.opened = 0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def __enter__(self) -> Self:
        workspace = {"uri": self.folder.as_uri(), "name": "workspace"}
        self._ask(
            "initialize",
            {
                "processId": None,
                "rootUri": workspace["uri"],
                "workspaceFolders": [workspace],
                "capabilities": CAPABILITIES,
            },
        )
        self._tell("initialized", {})
        self._tell("workspace/didChangeConfiguration", {"settings": {"yaml": SETTINGS}})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.reader.join()
        with self.process:
            pass

    def problems(self, file: str, text: str) -> list[Found]:
        """Return the diagnostics of a file, which need not exist, in the order of the text."""
        _, diagnostics = self._open(file, text)
        lines = text.split("\n")
        found = []
        for diagnostic in sorted(diagnostics, key=lambda one: _position(one["range"]["start"])):
            (line, start), (last, end) = (
                _position(diagnostic["range"][place]) for place in ("start", "end")
            )
            stop = end if last == line else None
            found.append(Found(lines[line][start:stop], diagnostic["message"]))
        return found

    def lines(self, file: str, text: str) -> set[int]:
        """Return the lines of a file that have diagnostics, from 0."""
        _, diagnostics = self._open(file, text)
        return {diagnostic["range"]["start"]["line"] for diagnostic in diagnostics}

    def completions(self, file: str, text: str) -> list[Proposal]:
        """Return the completions at `|` in the text, as an editor sorts them."""
        uri, position, line = self._open_at(file, text)
        items = self._ask("textDocument/completion", {**uri, "position": position})["items"]
        found = []
        for item in items:
            replaced = item["textEdit"]["range"]
            start, end = replaced["start"]["character"], replaced["end"]["character"]
            doc = item.get("documentation") or ""
            found.append(
                Proposal(
                    label=item["label"],
                    line=f"{line[:start]}{item['textEdit']['newText']}{line[end:]}",
                    doc=doc["value"] if isinstance(doc, dict) else doc,
                    rank=item.get("sortText") or item["label"],
                )
            )
        return sorted(found, key=lambda proposal: proposal.rank)

    def hover(self, file: str, text: str) -> str:
        """Return what the editor shows at `|` in the text, as Markdown."""
        uri, position, _ = self._open_at(file, text)
        found = self._ask("textDocument/hover", {**uri, "position": position})
        return found["contents"]["value"] if found else ""

    def _open_at(self, file: str, text: str) -> tuple[dict[str, Any], dict[str, int], str]:
        before, after = text.split("|")
        uri, _ = self._open(file, before + after)
        row, column = before.count("\n"), len(before.rpartition("\n")[2])
        line = (before + after).split("\n")[row]
        return {"textDocument": {"uri": uri}}, {"line": row, "character": column}, line

    def _open(self, file: str, text: str) -> tuple[str, list[dict[str, Any]]]:
        """Open a file; return its URI and diagnostics. The server caches files by URI."""
        self.opened += 1
        path = self.folder / file
        uri = path.with_name(f"{path.stem}-{self.opened}{path.suffix}").as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._tell("textDocument/didOpen", {"textDocument": document})

        def is_published(message: dict[str, Any]) -> bool:
            published = message.get("method") == "textDocument/publishDiagnostics"
            return published and message["params"]["uri"] == uri

        return uri, self._wait(is_published)["params"]["diagnostics"]

    def _ask(self, method: str, params: dict[str, Any]) -> Any:
        self.sent += 1
        number = self.sent
        self._send({"id": number, "method": method, "params": params})
        answer = self._wait(lambda message: message.get("id") == number and "method" not in message)
        assert "error" not in answer, answer
        return answer["result"]

    def _tell(self, method: str, params: dict[str, Any]) -> None:
        self._send({"method": method, "params": params})

    def _wait(self, is_expected: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Return the next expected message; answer the requests of the server before it."""
        while True:
            message = self.messages.get(timeout=TIMEOUT)
            if is_expected(message):
                return message
            if "method" in message and "id" in message:
                items = message.get("params", {}).get("items", ())
                asked = message["method"] == "workspace/configuration"
                result = [None] * len(items) if asked else None
                self._send({"id": message["id"], "result": result})

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        self.process.stdin.flush()

    def _read(self) -> None:
        output = self.process.stdout
        assert output
        while line := output.readline():
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
            elif not line.strip():
                self.messages.put(json.loads(output.read(length)))


def _position(place: dict[str, int]) -> tuple[int, int]:
    return place["line"], place["character"]
