"""The JSON Schemas of every_eval_ever, out of its own wheel: fetched by pip, checked by hash, nothing of it kept here.

The package wants Python 3.12; the two files do not. The wheel stays under `.real/`, or where XLING_REAL points, as real
models do.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator
from real.weights import HOME

VERSION, SHA256 = "0.3.0", "564b8bc624c1f822f749a769dc69dc058a736e83d920cbeb147c3a30d3152317"
WHEEL = f"every_eval_ever-{VERSION}-py3-none-any.whl"
REQUIREMENT = f"every_eval_ever=={VERSION} --hash=sha256:{SHA256}\n"


def wheel() -> Path:
    """The wheel. Raises RuntimeError with pip's words where it cannot be fetched."""
    place = HOME / "wheels" / WHEEL
    if place.is_file() and hashlib.sha256(place.read_bytes()).hexdigest() == SHA256:
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".fetching-") as folder:
        wanted = Path(folder, "wanted.txt")
        wanted.write_text(REQUIREMENT, encoding="utf-8")
        options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--python-version", "3.12", "--require-hashes"]
        command = [sys.executable, "-m", "pip", "download", *options, "--dest", folder, "-r", str(wanted)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode:
            raise RuntimeError(f"{REQUIREMENT.strip()}: {done.stderr}")
        shutil.move(Path(folder, WHEEL), place)
    return place


@cache
def validator(name: str) -> Any:
    """Of `eval` or `instance_level_eval`."""
    with zipfile.ZipFile(wheel()) as files:
        schema = json.loads(files.read(f"every_eval_ever/schemas/{name}.schema.json"))
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def wrong(name: str, data: Any) -> list[str]:
    """What its schema says against data; empty for what is valid."""
    return [f"{list(error.path)}: {error.message}" for error in validator(name).iter_errors(data)]
