"""What pyproject.toml asks for, as plain lists of requirements, and uv to install them: for the scripts beside this."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OWN = re.compile(r"xling-bench\[(?P<extras>[^\]]+)\]$")
APART = ("vllm", "comet")
NAME = re.compile(r"[A-Za-z0-9._-]+")


def requirements(*groups: str) -> list[str]:
    """The core's dependencies and those of dependency groups, our own extras in them written out.

    pip and uv look for `xling-bench[bleu]` on the index unless we are installed; so it is expanded here.
    """
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found = list(declared["project"]["dependencies"])
    for group in groups:
        for entry in declared["dependency-groups"][group]:
            own = OWN.match(entry)
            extras = own["extras"].split(",") if own else []
            found += [line for extra in extras for line in declared["project"]["optional-dependencies"][extra]]
            found += [] if own else [entry]
    return found


def name_of(requirement: str) -> str:
    """`lm-eval` of `lm-eval[hf]>=0.4.10,<0.4.14`."""
    found = NAME.match(requirement)
    if found is None:
        raise SystemExit(f"{requirement!r} in pyproject.toml begins with no name")
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def lifted(requirement: str) -> str:
    """The requirement without its upper bounds: `pydantic>=2.10,<3` becomes `pydantic>=2.10`. `==` stays."""
    needed, semicolon, marker = requirement.partition(";")
    name, bounds = re.match(r"([^<>=!~]*)(.*)", needed).groups()  # type: ignore[union-attr]  # matches anything
    kept = [bound for bound in bounds.split(",") if not bound.strip().startswith("<")]
    return f"{name}{','.join(kept)}{semicolon}{marker}"


def locked(name: str) -> str | None:
    """The version of a package in requirements/, or None; environments of their own apart (APART)."""
    pin = re.compile(rf"^{re.escape(name)}==([^\s;]+)", re.MULTILINE)
    for path in sorted((ROOT / "requirements").glob("*.txt")):
        if path.stem not in APART and (found := pin.search(path.read_text(encoding="utf-8"))):
            return found[1]
    return None


def uv() -> Path:
    """uv in an environment of its own, installed by pip when it is not there."""
    home = ROOT / ".venv-uv"
    program = home / "bin" / "uv"
    if not program.exists():
        venv.create(home, with_pip=True)
        subprocess.run([home / "bin" / "python", "-m", "pip", "install", "--quiet", "uv>=0.9"], check=True)
    return program


def environment() -> dict[str, str]:
    """The environment for uv: it reads none of pip's settings, so those that say where packages lie, and whose
    certificates to trust, are handed over.

    And as pip does, it chooses among all places' versions, not among those of the first place that has the package.
    """
    given = {"UV_INDEX_STRATEGY": "unsafe-best-match", **os.environ}
    places = {"UV_FIND_LINKS": "find-links", "UV_DEFAULT_INDEX": "index-url", "UV_INDEX": "extra-index-url",
              "SSL_CERT_FILE": "cert"}  # fmt: skip
    for ours, theirs in places.items():
        value = os.environ.get("PIP_" + theirs.upper().replace("-", "_")) or _pip_config(f"global.{theirs}")
        if value and ours not in given:
            given[ours] = ",".join(value.split()) if ours == "UV_FIND_LINKS" else value
    return given


def _pip_config(key: str) -> str:
    command = [sys.executable, "-m", "pip", "config", "get", key]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
