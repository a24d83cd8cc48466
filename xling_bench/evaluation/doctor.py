"""`xling-bench doctor`: what this environment can do, and what about a checkpoint would surprise."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from xling_bench.catalog import families, task_specs
from xling_bench.catalog.compile import compile_all
from xling_bench.catalog.compiled import compare
from xling_bench.core.content import tasks_folder
from xling_bench.core.errors import XlingError
from xling_bench.core.extras import installing
from xling_bench.core.lm_eval_versions import TESTED
from xling_bench.data import current_source
from xling_bench.data.lock import read_lock
from xling_bench.harness import link
from xling_bench.models.config import ModelConfig
from xling_bench.models.fingerprint import fingerprint, revision_of
from xling_bench.models.gguf_header import check_file
from xling_bench.models.gguf_model import load_tokenizer as gguf_tokenizer
from xling_bench.models.gguf_model import oddities, opened
from xling_bench.models.prefix import natural_prefix
from xling_bench.models.pretrained import check_class, load_tokenizer
from xling_bench.models.tokens import odd_joiner
from xling_bench.models.vllm_start import installed


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    level: Literal["ok", "warning", "error"]
    text: str


def examine(model: str | None = None, *, trust_remote_code: bool = False) -> list[Finding]:
    """Look at packages, tasks, data and (optionally) a model, by `run`'s own checks short of its weights.

    Never raises for what it finds.
    """
    findings = [Finding("ok", f"Python {sys.version.split()[0]}"), *_packages()]
    stale = compare(tasks_folder(), compile_all())
    findings.append(
        Finding("error", f"compiled tasks: {stale[0]}")
        if stale
        else Finding("ok", f"{len(task_specs())} compiled tasks")
    )
    findings.append(_data())
    linked = link.linked_version()
    findings.append(
        Finding(
            "ok",
            f"linked into lm_eval: version {linked}"
            if linked
            else "not linked into lm_eval (`xling-bench link` does it); `xling-bench run` needs no link",
        )
    )
    return findings + (_model(ModelConfig(model, trust_remote_code=trust_remote_code)) if model else [])


def _packages() -> list[Finding]:
    found = []
    for name in ("lm_eval", "torch", "transformers", "datasets", "sacrebleu"):
        try:
            found.append(Finding("ok", f"{name} {version(name)}"))
        except PackageNotFoundError:
            found.append(Finding("error", f"{name} is not installed: {installing()}"))
            continue
        if name == "lm_eval" and version(name) not in TESTED:
            tested = ", ".join(TESTED)
            found.append(Finding("warning", f"lm_eval {version(name)} has not been tested; tested: {tested}"))
    return found


def _data() -> Finding:
    try:
        source = current_source()
        locked = read_lock() if source.kind == "hub" else {}
    except XlingError as error:
        return Finding("error", str(error))
    if source.kind == "hub" and not locked:
        return Finding(
            "warning",
            "no benchmark data: set XLING_DATA_DIR to a folder of official files, or fetch from the "
            "hub (`xling-bench data fetch xnli`), or XLING_DATA=sample to try things out",
        )
    where = {
        "files": f"files in {os.environ.get('XLING_DATA_DIR')}",
        "hub": "the Hugging Face hub",
        "sample": "the built-in sample (not a benchmark)",
    }
    return Finding("ok", f"benchmark data come from {where[source.kind]}")


def _model(config: ModelConfig) -> list[Finding]:
    try:
        config.check()
        fingerprint(config)
        tokenizer = _tokenizer(config)
        vllm = [Finding("ok", f"vLLM {installed()}")] if config.begins == "vllm" else []
    except XlingError as error:
        return [Finding("error", str(error))]
    findings = [Finding("warning", sentence) for sentence in oddities(config.gguf, tokenizer)] if config.gguf else []
    joiners = dict.fromkeys(family.joiner for family in families().values())
    findings += [Finding("warning", said) for joiner in joiners if (said := odd_joiner(tokenizer, joiner))]
    prefix = natural_prefix(tokenizer)
    if prefix is not None and prefix != tokenizer.bos_token_id:
        findings.append(
            Finding(
                "warning",
                f"the tokenizer starts texts with {tokenizer.convert_ids_to_tokens(prefix)!r}, not "
                f"with bos; `run` conditions on it, plain lm_eval needs prefix_token_id={prefix} in --model_args",
            )
        )
    what = f" (GGUF, {check_file(config.gguf).quantisation})" if config.gguf else ""
    return vllm + (findings or [Finding("ok", f"{config.name}{what}: nothing to warn about")])


def _tokenizer(config: ModelConfig) -> Any:
    if config.gguf:
        with opened(config.gguf) as file:
            return gguf_tokenizer(file)
    revision = revision_of(config.name, config.revision)
    check_class(config.name, revision, trust_remote_code=config.trust_remote_code)
    return load_tokenizer(config.name, revision, trust_remote_code=config.trust_remote_code)
