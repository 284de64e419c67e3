"""One execution environment of Lambda, without Docker.

AWS's own runtime client runs the unpacked zip's handler in a clean interpreter: no site-packages,
the zip's folder as the current one, a folder with boto3 in it as Lambda has it, a /tmp of its own
that outlives the process. It is fed by an imitation of the Runtime API.
"""

from __future__ import annotations

import json
import math
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

# What Lambda has by itself, and the zip need not bring: its runtime client, and boto3.
RUNTIME = [
    *("awslambdaric", "runtime_client", "snapshot_restore_py", "simplejson"),
    *("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3"),
]
NEXT = "/2018-06-01/runtime/invocation/next"

# Where coverage is measured, that of the handlers is, too: this variable has its configuration.
MEASURED = "COVERAGE_PROCESS_CONFIG"
ROOT = Path(__file__).parents[2]


def make_runtime(folder: Path) -> Path:
    """Fill a folder with what stands for /var/runtime, out of this interpreter's packages."""
    folder.mkdir(parents=True)
    for place in map(Path, sys.path):
        for name in [*RUNTIME, "coverage"] if MEASURED in os.environ else RUNTIME:
            # (a program of that name, beside pytest, is no package)
            packages = [place / name] if (place / name).is_dir() else []
            for found in (*packages, *place.glob(f"{name}.*")):
                if not (folder / found.name).exists():
                    (folder / found.name).symlink_to(found)
    return folder


@dataclass(frozen=True)
class Function:
    """What is to be run, and how long it may take; two that are equal share environments."""

    name: str
    arn: str
    handler: str
    task_root: Path
    variables: tuple[tuple[str, str], ...]
    timeout: float
    memory: int


@dataclass
class Result:
    """What an invocation gave: JSON, whether it is an error, what was logged, how long it took."""

    body: bytes
    is_error: bool
    logs: str
    seconds: float = 0.0
    memory: int = 0  # megabytes, the most that the process had


class _Quiet(ThreadingHTTPServer):
    """A server that says nothing of a client that was killed."""

    def handle_error(self, *_: object) -> None:
        pass


@dataclass
class _Api:
    """The Runtime API of one process: hands out events, and collects what comes of them."""

    arn: str
    timeout: float
    events: queue.Queue[tuple[str, bytes] | None] = field(default_factory=queue.Queue)
    results: queue.Queue[tuple[bool, bytes]] = field(default_factory=queue.Queue)
    ends: float = math.inf  # when the call that has begun is over time

    def start(self) -> ThreadingHTTPServer:
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                event = api.events.get() if self.path == NEXT else None
                if event is None:
                    self.close_connection = True
                    return
                deadline = int((time.time() + api.timeout) * 1000)
                api.ends = time.monotonic() + api.timeout
                self.answer(
                    event[1],
                    ("Lambda-Runtime-Aws-Request-Id", event[0]),
                    ("Lambda-Runtime-Deadline-Ms", str(deadline)),
                    ("Lambda-Runtime-Invoked-Function-Arn", api.arn),
                )

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                api.results.put((not self.path.endswith("/response"), body))
                self.answer(b"{}", status=202)

            def answer(self, body: bytes, *headers: tuple[str, str], status: int = 200) -> None:
                self.send_response(status)
                length = ("Content-Length", str(len(body)))
                for name, value in (*headers, ("Content-Type", "application/json"), length):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

        server = _Quiet(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
        return server


class Environment:
    """Runs one event at a time. A process that was killed is begun anew, over the same /tmp."""

    def __init__(self, function: Function, runtime: Path, folder: Path) -> None:
        self.function = function
        self._runtime, self._folder = runtime, folder
        (folder / "tmp").mkdir(parents=True)
        self._process: subprocess.Popen[bytes] | None = None
        self._read = 0

    def invoke(self, event: bytes) -> Result:
        """Run the handler. It is killed when its time is over, as Lambda does."""
        began = time.monotonic()
        if self._process is None or self._process.poll() is not None:
            self._start()
        assert self._process is not None
        self._api.ends = math.inf  # what it takes to start does not count
        self._api.events.put((str(uuid4()), event))
        kind, told = "", ""
        while not kind:
            try:
                is_error, body = self._api.results.get(timeout=0.02)
                return self._result(body, is_error, began)
            except queue.Empty:
                if time.monotonic() > self._api.ends:
                    kind = "Sandbox.Timedout"
                    told = f"Task timed out after {self.function.timeout:.2f} seconds"
                elif self._process.poll() is not None:
                    kind = "Runtime.ExitError"
                    told = f"Runtime exited with status {self._process.returncode}"
        body = json.dumps({"errorType": kind, "errorMessage": told}).encode()
        memory = self._most_memory()
        self.kill()
        result = self._result(body, True, began)
        result.memory = memory
        return result

    def kill(self) -> None:
        """End the process, if there is one, without a word."""
        if self._process is None:
            return
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._coverage.exists():
            shutil.move(self._coverage, ROOT / f".coverage.{uuid4()}")
        self._api.events.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._process = None

    def _start(self) -> None:
        self.kill()
        self._api = _Api(self.function.arn, self.function.timeout)
        self._server = self._api.start()
        measured = [str(Path(__file__).with_name("measured.py")), str(self._coverage)]
        main = measured if MEASURED in os.environ else ["-m", "awslambdaric"]
        command = [sys.executable, "-S", "-s", "-B", *main, self.function.handler]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.function.task_root,
                env=self._variables(self._server.server_address[1]),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self._folder / "pid").write_text(str(self._process.pid))

    def _variables(self, port: int) -> dict[str, str]:
        function = self.function
        return {
            "PATH": "/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": str(self._runtime),
            "TMPDIR": str(self._folder / "tmp"),
            "LAMBDA_TASK_ROOT": str(function.task_root),
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "_HANDLER": function.handler,
            **{name: os.environ[name] for name in [MEASURED] if name in os.environ},
            **dict(function.variables),
        }

    @property
    def _coverage(self) -> Path:
        return self._folder / "coverage"

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _result(self, body: bytes, is_error: bool, began: float) -> Result:
        logs = self._log.read_bytes()
        new, self._read = logs[self._read :], len(logs)
        seconds = time.monotonic() - began
        text = new.decode(errors="replace")
        return Result(body, is_error, text, seconds, self._most_memory())

    def _most_memory(self) -> int:
        """Megabytes that the process had at most."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text() if self._process else ""
        except OSError:
            return 0
        found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
        return int(found[0]) // 1024 if found else 0
