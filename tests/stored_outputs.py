"""lm-eval's own MGSM tasks and ours of the same prompts, on the same stored outputs: a program, run as a process whose
hub is a fake one (HF_ENDPOINT). Prints JSON: by task, prompts, stops and what each item scored."""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path
from typing import Any

from lm_eval.api.model import LM

ITEMS = 200
CUES = {"de": "Die Antwort lautet", "ja": "答えは", "bn": "উত্তর হল"}
# (lm-eval's task, our prompt family, our metric for each of its filters)
TASKS = (
    ("mgsm_direct", "lmeval", {"flexible-extract": "lmeval_flexible", "remove_whitespace": "lmeval_remove_whitespace"}),
    ("mgsm_native_cot", "lmeval-cot", {"flexible-extract": "lmeval_flexible", "strict-match": "lmeval_strict"}),
    ("mgsm_en_cot", "lmeval-cot-english", {"flexible-extract": "lmeval_flexible", "strict-match": "lmeval_strict_en"}),
)


def output(language: str, item: int, gold: str) -> str:
    """What a model may say: the right number or another, in one of many shapes."""
    draw = random.Random(f"{language} {item}")  # noqa: S311
    number = int(gold) if draw.random() < 0.6 else draw.choice([int(gold) + 1, int(gold) * 10, -int(gold), 7])
    native = "".join(chr(0x9E6 + int(c)) if c.isdigit() else c for c in str(number))
    wide = "".join(chr(0xFF10 + int(c)) if c.isdigit() else c for c in str(number))
    cue, said = draw.choice([CUES[language], "The answer is"]), f"{number:,}"
    shapes = [
        f"{number}", f" {number}", f"{number} \n", f"{said}", f"{cue} {number}.", f"{cue}{number}です。",
        f"{cue} {said}.",
        f"3 + 4 = 7. {cue} {number}.", f"{cue} ${number}.00", f"{cue} {number} Euro, 3 Tage lang.",
        f"{number}, 12",
        f"{cue} {native}।", f"{wide}個", f"{cue} -{number}", f"{cue} {number}.\n{cue} 5.", "", "...", "$",
        "keine Ahnung",
        f"A {number}\n\nFrage: 9",
        f"{number}</s> 9", f"{cue}: {number}", f"[{number}]", f"1.{number}", f"{number}%",
    ]  # fmt: skip
    return draw.choice(shapes)


class Stored(LM):  # type: ignore[misc]  # lm-eval is untyped
    """Answers with `output`, cut at the first stop as lm-eval's models cut."""

    tokenizer_name = ""

    def __init__(self, language: str, golds: list[str]) -> None:
        super().__init__()
        self.language, self.golds = language, golds

    def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:
        """One text for each request, by its item's number."""
        found = []
        for request in requests:
            text = output(self.language, request.doc_id, self.golds[request.doc_id])
            for stop in request.args[1]["until"]:
                text = text.split(stop)[0]
            found.append(text)
        return found

    def loglikelihood(self, requests: Any, disable_tqdm: bool = False) -> Any:
        """What lm-eval asks every model for; a task of MGSM that ranks is another than the one under test."""
        raise AssertionError(f"{len(requests)} requests to rank; expected requests to generate only")

    loglikelihood_rolling = loglikelihood


def main() -> None:
    """Evaluate both sides in the languages that the command names."""
    import lm_eval
    import lm_eval.tasks
    from lm_eval.tasks import TaskManager

    from xling_bench.core import content

    theirs = TaskManager(include_path=str(Path(lm_eval.tasks.__file__).parent / "mgsm"), include_defaults=False)
    metrics = ["exact_number", *dict.fromkeys(name for *_, names in TASKS for name in names.values())]
    ours = TaskManager(include_path=str(content.folder("tasks") / "mgsm"), include_defaults=False,
                       metadata={"metrics": metrics})  # fmt: skip
    golds = json.loads(os.environ["GOLDS"])
    found: dict[str, Any] = {}
    for language in sys.argv[1:]:
        for task, family, filters in TASKS:
            for manager, name in ((theirs, f"{task}_{language}"), (ours, f"xling-{family}_mgsm_{language}")):
                results = lm_eval.simple_evaluate(
                    model=Stored(language, golds), tasks=[name], task_manager=manager, limit=ITEMS, bootstrap_iters=0,
                    log_samples=True, verbosity="ERROR",
                )  # fmt: skip
                kept = results["samples"][name]
                shown = sorted({s["doc_id"]: s["arguments"] for s in kept}.items())
                found[name] = {
                    "prompts": [arguments[0][0] for _, arguments in shown],
                    "until": [arguments[0][1]["until"] for _, arguments in shown],
                    "scores": {
                        key: [s[key if manager is ours else "exact_match"]
                              for s in sorted(kept, key=lambda s: s["doc_id"])
                              if manager is ours or s["filter"] == key]
                        for key in ([*filters.values(), "exact_number"] if manager is ours else filters)
                    },
                }  # fmt: skip
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
