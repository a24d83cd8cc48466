"""`xling-bench path|link|unlink|doctor`: living beside a plain lm-eval."""

from __future__ import annotations

import argparse
from typing import Any

from xling_bench.cli.common import show


def add(commands: Any) -> None:
    """Register the commands."""
    commands.add_parser("path", help="print the folder for lm_eval --include_path").set_defaults(run=_path)
    commands.add_parser(
        "link", help="copy the tasks into the installed lm_eval, so that plain lm_eval finds them"
    ).set_defaults(run=_link)
    commands.add_parser("unlink", help="remove what `link` copied").set_defaults(run=_unlink)
    doctor = commands.add_parser("doctor", help="check this environment and, with --model, a checkpoint")
    doctor.add_argument("--model", metavar="hf:PATH_OR_NAME", help="or gguf:FILE")
    doctor.add_argument(
        "--trust-remote-code", action="store_true", help="run code that comes with the model: dangerous"
    )
    doctor.set_defaults(run=_doctor)


def _path(arguments: argparse.Namespace) -> int:
    from xling_bench.core import content

    show(content.tasks_folder())
    return 0


def _link(arguments: argparse.Namespace) -> int:
    from xling_bench.harness.link import link

    show(link())
    return 0


def _unlink(arguments: argparse.Namespace) -> int:
    from xling_bench.harness.link import unlink

    show(unlink())
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from xling_bench.evaluation.doctor import examine

    findings = examine(arguments.model, trust_remote_code=arguments.trust_remote_code)
    for finding in findings:
        show(f"{finding.level:7} {finding.text}")
    return 2 if any(finding.level == "error" for finding in findings) else 0
