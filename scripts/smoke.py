"""Does what was deployed work? One run of the state machine, and is its result right?

    python -m scripts.smoke ARN

Exits with 0 if the execution succeeded, no table was stopped, and every stage has come at least as
far as the one before it, with nothing pending; else with 1, and says what is wrong. Region and
credentials are those of the AWS CLI.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

import boto3

PATIENCE = 3600.0  # seconds; a first run reads everything
STAGES = ("ingest", "process", "load")


def run(machine: str, patience: float = PATIENCE) -> dict[str, Any]:
    """Start an execution and wait for its end; its description. It may be skipped, where another is
    at work: then it is tried anew. Raises TimeoutError after `patience` seconds."""
    client = boto3.client("stepfunctions")
    until = time.monotonic() + patience
    while time.monotonic() < until:
        begun = client.start_execution(stateMachineArn=machine, name=f"smoke-{time.time_ns()}")
        print(f"started {begun['executionArn']}")
        ended = _ended(client, begun["executionArn"], until)
        if ended["status"] != "SUCCEEDED" or STAGES[0] in json.loads(ended["output"]):
            return ended
        print("skipped: another execution is at work; again")
        time.sleep(5)
    raise TimeoutError(f"no execution of {machine} came to its end in {patience:.0f} seconds")


def _ended(client: Any, execution: str, until: float) -> dict[str, Any]:
    while time.monotonic() < until:
        found: dict[str, Any] = client.describe_execution(executionArn=execution)
        if found["status"] != "RUNNING":
            return found
        time.sleep(1)
    raise TimeoutError(f"{execution} goes on and on")


def faults(ended: dict[str, Any]) -> list[str]:
    """What is wrong with an execution; empty if all is well."""
    if ended["status"] != "SUCCEEDED":
        return [f"{ended['status']}: {ended.get('error')}: {ended.get('cause')}"]
    told = json.loads(ended["output"])
    found = [
        f"{stage}: {told[stage]['pending']} batches are left"
        for stage in STAGES
        if told[stage]["pending"]
    ]
    found += told["ingest"]["problems"].values()
    # a scheduled execution beside this one may have got further, never less far
    batches = [told[stage]["batch"] for stage in STAGES]
    if not batches[0] or batches != sorted(batches):
        found.append(f"ingest, process and load have come to batches {batches}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("machine", metavar="ARN", help="of the state machine")
    try:
        ended = run(parser.parse_args().machine)
    except TimeoutError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    found = faults(ended)
    for fault in found:
        print(f"error: {fault}", file=sys.stderr)
    if not found:
        print("all is well:", ended["output"])
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
