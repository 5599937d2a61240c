"""`crudgen serve` in a process of its own, and clients that ask without a pause."""

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Self

import httpx
import pytest

from tests.support.forked import Forked
from tests.support.servers import Process

PATIENCE = 90.0
ENVIRONMENT = {k: v for k, v in os.environ.items() if k not in {"FORCE_COLOR", "DATABASE_URL"}}


class Serve:
    """`crudgen serve`, and the lines that it prints."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        self.folder = folder
        self._scratch = tempfile.TemporaryDirectory()
        self._pipe = Path(self._scratch.name) / "pipe"
        os.mkfifo(self._pipe)
        self.output: list[str] = []
        self.url = ""
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        command = ["crudgen", "serve", "--port", "0", *arguments]
        variables = {**ENVIRONMENT, "PYTHONUNBUFFERED": "1", **environment}
        self.process: Process
        if "2" not in arguments:
            self.process = Forked(*command, folder=folder, environment=variables, output=self._pipe)
            return
        with self._pipe.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=folder,
                env=variables,
                stdout=output,
                stderr=output,
            )

    def _read(self) -> None:
        with self._pipe.open(encoding="utf-8") as output:
            for line in output:
                if '"GET /' not in line:
                    self.output.append(line)
                    self._lines.put(line)

    def wait_for(self, text: str) -> str:
        """Return the next line with a text, passing over the ones before."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE)
            except queue.Empty:
                pytest.fail(f"{text!r} was never printed:\n{''.join(self.output)}")
            if text in line:
                return line

    def start(self) -> Self:
        self.url = self.wait_for("  api ").split()[-1]
        self.wait_for("Press Ctrl+C to stop")
        return self

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", timeout=PATIENCE)

    def home(self, host: str = "") -> httpx.Response:
        """Request the home page as a browser, by the name `host` if it is given."""
        headers = {"Accept": "text/html,*/*;q=0.8"} | ({"Host": host} if host else {})
        return httpx.get(self.url, headers=headers, timeout=PATIENCE)

    def post(self, path: str, body: object = None) -> httpx.Response:
        return httpx.post(f"{self.url}{path}", json=body, timeout=PATIENCE)

    def save(self, text: str) -> None:
        draft = self.folder / "entities/.draft"
        draft.write_text(text)
        draft.replace(self.folder / "entities/hero.yaml")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._reader.join()
            self._scratch.cleanup()

    def text(self) -> str:
        return "".join(self.output)


class Load(threading.Thread):
    """One client on one connection that asks without a pause."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.count = 0
        self.failures: list[str] = []
        self.ports: set[object] = set()
        self.over = threading.Event()

    def run(self) -> None:
        limits = httpx.Limits(max_connections=1)
        with httpx.Client(base_url=self.url, limits=limits, timeout=PATIENCE) as client:
            while not self.over.wait(0.005):
                try:
                    answer = client.get("/heroes/")
                except httpx.HTTPError as error:
                    self.failures.append(repr(error))
                    continue
                self.count += 1
                stream = answer.extensions["network_stream"]
                self.ports.add(stream.get_extra_info("client_addr"))
                if answer.status_code != 200:
                    self.failures.append(answer.text)
