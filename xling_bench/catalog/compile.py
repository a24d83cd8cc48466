"""Declarations -> the lm-eval files of `tasks/`. Pure: returns {relative path: text}, writes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

import yaml

from xling_bench.catalog.benchmark import own_declaration
from xling_bench.catalog.names import TaskSpec, task_specs
from xling_bench.catalog.prompt import Form
from xling_bench.core.lm_eval_versions import modules_beside

ADAPTER = "xling_bench.harness.adapter"
RANKED = "xling_bench.harness.ranked"
HEADER = "# Compiled by `xling-bench tasks compile` from {sources}; do not edit.\n"
TASK_VERSION = 1.0


class Function(str):
    """A dotted name written as lm-eval's `!function` tag."""

    __slots__ = ()


Dumper = type[yaml.SafeDumper]


def dumper_of(base: Any) -> Dumper:
    """`base`, one of PyYAML's safe dumpers, with `!function` and without anchors."""

    class Plain(base):  # type: ignore[misc]  # PyYAML's two dumpers have no typed parent in common
        def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
            return True

    Plain.add_representer(str, _string)
    # The style is said because the two emitters choose differently here.
    Plain.add_representer(Function, lambda dumper, data: dumper.represent_scalar("!function", str(data), style="'"))
    return cast("Dumper", Plain)


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if "\n" not in text:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if text.strip() else '"')


PYTHON = dumper_of(yaml.SafeDumper)
LIBYAML = dumper_of(yaml.CSafeDumper) if yaml.__with_libyaml__ else PYTHON
# Escapes (libyaml escapes what the other writes as it is) and block scalars with an indicator: there the two differ.
_DIFFERS = re.compile(r"\\[^n\"\\]|\|[0-9+]")


def dump(data: dict[str, object]) -> str:
    """YAML in declaration order, UTF-8, one line per scalar: the bytes of PyYAML's own emitter.

    libyaml takes a fifth of the time and writes all committed files; where its text could differ, it is not used.
    """
    options: dict[str, Any] = {"allow_unicode": True, "sort_keys": False, "width": 10_000}
    text: str = yaml.dump(data, Dumper=LIBYAML, **options)
    return yaml.dump(data, Dumper=PYTHON, **options) if _DIFFERS.search(text) else text


def leaf(spec: TaskSpec) -> dict[str, object]:
    """One task as lm-eval reads it.

    `fewshot_split` equals `test_split` because lm-eval tells the sampler which document is being scored only then;
    the demonstrations themselves are picked by `process_docs`, from the declared demonstration pool.
    A form with an `unconditional` prompt has a class of ours, which asks for it where a metric needs it, and so has one
    that generates and is otherwise in other languages, whose demonstrations may be of these.
    `metadata.metrics` are the ones reported, unless `--metadata` names others; `metric_list` tells lm-eval of every one
    that may be, so that a new metric changes no file.
    """
    form = spec.form()
    choose = form.kind == "choose"
    task: dict[str, object] = {
        "task": spec.name,
        "tag": [spec.tag],
        **({"class": Function(made_by)} if (made_by := _class_of(spec, form)) else {}),
        "custom_dataset": Function(f"{ADAPTER}.load"),
        "dataset_kwargs": {"xling": {"benchmark": spec.benchmark.key, "unit": str(spec.unit), "form": form.compact()}},
        "test_split": "test",
        "fewshot_split": "test",
        "fewshot_config": {
            "sampler": Function(f"{ADAPTER}.FixedDemonstrations"),
            "process_docs": Function(f"{ADAPTER}.demonstrations"),
        },
        "output_type": "multiple_choice" if choose else "generate_until",
        "doc_to_text": Function(f"{ADAPTER}.doc_to_text"),
    }
    if choose:
        task["doc_to_choice"] = Function(f"{ADAPTER}.doc_to_choice")
    task |= {
        "doc_to_target": Function(f"{ADAPTER}.doc_to_target"),
        "target_delimiter": form.separator,
        "fewshot_delimiter": spec.family.joiner,
        "process_results": Function(f"{ADAPTER}.score"),
        "metric_list": Function(f"{ADAPTER}.{'ranking' if choose else 'answer'}_metrics"),
    }
    if not choose:
        task["generation_kwargs"] = {"until": list(form.stop), "do_sample": False, "max_gen_toks": form.max_tokens}
    task["metadata"] = {
        "version": TASK_VERSION,
        "benchmark": spec.benchmark.key,
        "language": spec.language.code,
        **({"source_language": spec.source.code} if spec.source else {}),
        "family": spec.family.key,
        "template": form.digest(),
        **({"declaration": declared} if (declared := own_declaration(spec.benchmark.key)) else {}),
        "demos": "fixed",
        "metrics": list(spec.metrics),
    }
    return task


def _class_of(spec: TaskSpec, form: Form) -> str | None:
    """Which class of ours the task has; None for lm-eval's own."""
    if form.kind == "choose":
        return f"{RANKED}.Ranked" if form.unconditional else None
    declared = spec.family.forms[spec.benchmark.key]
    spoken = any("{w." in text for text in (declared.separator, *declared.stop))
    other = spec.benchmark.pairs is None and (spoken or spec.family.speaks == "item")
    return f"{ADAPTER}.Generated" if other else None


def groups(specs: Iterable[TaskSpec]) -> dict[str, dict[str, object]]:
    """`xlingbench_<benchmark>` averages a benchmark over its languages; `xlingbench` lists all of them.

    The parent has no average of its own: two-way and three-way accuracies and chrF++ have no common mean.
    """
    children: dict[str, list[TaskSpec]] = {}
    for spec in specs:
        if spec.is_default:
            children.setdefault(spec.benchmark.key, []).append(spec)
    found: dict[str, dict[str, object]] = {}
    for key, members in children.items():
        shared = [name for name in members[0].metrics if all(name in member.metrics for member in members)]
        metrics = [{"metric": name, "aggregation": "mean", "weight_by_size": False} for name in shared]
        found[f"xlingbench_{key}"] = {
            "group": f"xlingbench_{key}",
            "task": [m.name for m in members],
            "aggregate_metric_list": metrics,
            "metadata": {"version": TASK_VERSION},
        }
    found["xlingbench"] = {"group": "xlingbench", "task": list(found), "metadata": {"version": TASK_VERSION}}
    return found


def compile_spec(spec: TaskSpec) -> str:
    """The YAML text of one task."""
    sources = f"tasks/{spec.benchmark.key}/benchmark.toml and templates/{spec.family.key}/"
    return HEADER.format(sources=sources) + dump(leaf(spec))


def compile_modules() -> dict[str, str]:
    """What old releases of lm-eval need beside the tasks of a folder."""
    return modules_beside((ADAPTER, RANKED), HEADER.format(sources="xling_bench/core/lm_eval_versions.py"))


def compile_all() -> dict[str, str]:
    """Every compiled file by its path below `tasks/`."""
    files = {f"{s.benchmark.key}/{name}.yaml": compile_spec(s) for name, s in task_specs().items()}
    for folder in {s.benchmark.key for s in task_specs().values()}:
        files |= {f"{folder}/{name}": text for name, text in compile_modules().items()}
    for name, group in groups(task_specs().values()).items():
        folder = name.removeprefix("xlingbench").removeprefix("_")
        path = f"{folder}/{name}.yaml" if folder else f"{name}.yaml"
        files[path] = HEADER.format(sources="tasks/*/benchmark.toml") + dump(group)
    return files
