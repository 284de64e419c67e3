"""AWS's runtime client, whose process measures what it runs: `measured.py FILE HANDLER`.

Nobody tells a process of Lambda that it is to end, so what was measured is saved before each word
to the Runtime API. It is put into FILE as a whole, as the process may be killed at any time. The
configuration is what coverage gives to every process.
"""

import os
import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import coverage
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

FILE, HANDLER = sys.argv[1:]
WORDS = ("wait_next_invocation", "post_invocation_result", "post_invocation_error")


def save() -> None:
    saved = coverage.CoverageData(f"{FILE}.part")
    saved.update(measured.get_data())
    saved.close()
    Path(f"{FILE}.part").replace(FILE)


def after_saving(word: Callable[..., Any]) -> Callable[..., Any]:
    def saved_first(*values: Any, **named: Any) -> Any:
        save()
        return word(*values, **named)

    return saved_first


measured = coverage.Coverage(
    data_file=None, config_file=f":data:{os.environ['COVERAGE_PROCESS_CONFIG']}"
)
measured.start()
for name in WORDS:
    setattr(LambdaRuntimeClient, name, after_saving(getattr(LambdaRuntimeClient, name)))
sys.argv, sys.path[0] = ["awslambdaric", HANDLER], ""  # as after `python -m awslambdaric`
runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
