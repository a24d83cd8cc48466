"""Prompts, log-likelihoods and decisions of lm-eval's own Belebele and Global-MMLU tasks and of ours, as JSON.

A program, since what `datasets` and huggingface_hub read of the environment is read at import: `MODEL LIMIT`.
"""

from __future__ import annotations

import json
import sys

BELEBELE = {"belebele_eng_Latn": "xling-lmeval_belebele_en", "belebele_deu_Latn": "xling-lmeval_belebele_de"}
CATEGORIES = ("business", "humanities", "medical", "other", "social_sciences", "stem")
MMLU = {f"global_mmlu_en_{name}": "xling-lmeval_global_mmlu_lite_en" for name in CATEGORIES}
SUBJECTS = ("high_school_us_history", "management", "miscellaneous")  # of the full set
FULL = {f"global_mmlu_full_en_{name}": "xling-lmeval_global_mmlu_en" for name in SUBJECTS}


def main(model: str, limit: int) -> None:
    """Print {task: {prompt: [its candidates, their log-likelihoods, right or wrong]}}."""
    import lm_eval
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    from xling_bench.core import content

    lm = HFLM(pretrained=model, batch_size=32, device="cpu", dtype="float32", max_length=2048)
    manager = TaskManager(include_path=str(content.folder("tasks")), include_defaults=True)
    found = {}
    wanted: list[tuple[list[str], int | None]]
    wanted = [(list(BELEBELE), limit), (list(BELEBELE.values()), limit)]
    wanted += [(tasks, None) for pairs in (MMLU, FULL) for tasks in (list(pairs), sorted(set(pairs.values())))]
    for tasks, most in wanted:
        results = lm_eval.simple_evaluate(model=lm, tasks=tasks, task_manager=manager, limit=most, num_fewshot=0,
                                          bootstrap_iters=0)  # fmt: skip
        for task, samples in results["samples"].items():
            found[task] = {
                s["arguments"][0][0]: [[a[1] for a in s["arguments"]], [r[0] for r in s["filtered_resps"]], s["acc"]]
                for s in samples
            }
    print(json.dumps(found))  # noqa: T201 - what the test reads


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
