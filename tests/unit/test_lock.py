"""requirements/: what pyproject.toml asks for, with hashes, and nothing that holds on one machine only."""

import re
import subprocess
from pathlib import Path

import pytest
from declared import lifted, locked, name_of, requirements
from packaging.markers import default_environment
from packaging.requirements import Requirement

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = sorted((REPOSITORY / "requirements").glob("*.txt"))


@pytest.mark.parametrize("line", requirements("dev", "real"))
def test_the_lock_has_what_pyproject_asks_for(line: str) -> None:
    """We are installed without our dependencies, so a new one would be missing until `make lock`."""
    wanted = Requirement(line)
    if wanted.marker is None or wanted.marker.evaluate(default_environment()):
        version = locked(name_of(line))
        assert version is not None, f"{line}: not in requirements/; run `make lock`"
        assert wanted.specifier.contains(version), f"{line}: locked is {version}; run `make lock`"


def test_every_package_but_torch_has_hashes_and_no_address_stands_there() -> None:
    for path in LOCK:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"https?://|--index|--extra-index|--find-links|(?<!\w)/(opt|root|home|work)/", text), path
        for entry in re.split(r"\n(?=\S)", text):
            if re.match(r"[A-Za-z0-9]", entry):
                assert ("--hash=sha256:" in entry) != entry.startswith("torch=="), entry[:60]


def test_no_environment_is_committed() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = listed.stdout.splitlines()
    assert not [file for file in files if re.match(r"\.venv|\.real/|.*\.(safetensors|gguf|pyc)$", file)]


@pytest.mark.parametrize(
    ("requirement", "free"),
    [
        ("lm-eval[hf]>=0.4.10,<0.4.14", "lm-eval[hf]>=0.4.10"),
        ("x<3,>=2", "x>=2"),
        ("x>=1,<2; python_version < '3.13'", "x>=1; python_version < '3.13'"),
        ("gguf==0.19.0", "gguf==0.19.0"),
        ("pandas-stubs", "pandas-stubs"),
    ],
)
def test_upper_bounds_are_lifted_and_nothing_else(requirement: str, free: str) -> None:
    assert lifted(requirement) == free
