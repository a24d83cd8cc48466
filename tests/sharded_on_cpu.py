"""`xling-bench` under accelerate's FSDP2 on CPUs, for tests: accelerate shares out over accelerators only.

Started by torchrun. What is changed is the one place where accelerate decides that; torch's FSDP2 runs on gloo.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import yaml
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType

made = AcceleratorState.__init__


def sharing(self: Any, *given: Any, fsdp_plugin: Any = None, **others: Any) -> None:
    made(self, *given, fsdp_plugin=fsdp_plugin, **others)
    if fsdp_plugin is not None:
        self.distributed_type, self.fsdp_plugin = DistributedType.FSDP, fsdp_plugin


if __name__ == "__main__":
    launch = Path(__file__).parents[1] / "training" / "launch" / "fsdp2.yaml"
    settings = yaml.safe_load(launch.read_text(encoding="utf-8"))["fsdp_config"]
    os.environ |= {"ACCELERATE_USE_FSDP": "true"} | {key.upper(): str(value) for key, value in settings.items()}
    AcceleratorState.__init__ = sharing

    from xling_bench.cli.main import main

    sys.exit(main())
