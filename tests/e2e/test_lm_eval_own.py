"""Results that lm-eval itself wrote of its own tasks, with a tiny model: read, shown beside ours, never tested."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from runs import outcomes, write_run

from xling_bench.catalog import benchmarks
from xling_bench.cli.main import main
from xling_bench.exchange.beside import beside, read_outside
from xling_bench.exchange.lm_eval_tasks import own_tasks, recognised
from xling_bench.results.frame import load_results

pytestmark = pytest.mark.e2e
ROWS = 12


def rows_of(path: str, name: str | None, **_: Any) -> Any:
    """What the hub would give lm-eval: a few invented rows in the data sets' columns."""
    from datasets import Dataset, DatasetDict

    texts = [f"{name} {i}" for i in range(ROWS)]
    columns = {
        "facebook/xnli": {"premise": texts, "hypothesis": texts[::-1], "label": [i % 3 for i in range(ROWS)]},
        "xcopa": {"premise": texts, "choice1": texts, "choice2": texts[::-1], "label": [i % 2 for i in range(ROWS)],
                  "question": ["cause", "effect"] * (ROWS // 2)},
    }  # fmt: skip
    rows = Dataset.from_dict(columns[path.rpartition("/")[2] if "xcopa" in path else path])
    return DatasetDict(dict.fromkeys(("train", "validation", "test"), rows))


@pytest.fixture(scope="module")
def results(models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of `lm_eval --output_path` for xnli_de (the first 10 items) and xcopa_th."""
    import lm_eval
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    folder = tmp_path_factory.mktemp("own") / "results"
    home = Path(lm_eval.__file__).parent / "tasks"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("datasets.load_dataset", rows_of)
        manager = TaskManager(include_path=[str(home / "xnli"), str(home / "xcopa")], include_defaults=False)
        tracker = EvaluationTracker(output_path=str(folder))
        found = lm_eval.simple_evaluate(
            model="hf", model_args=f"pretrained={models['llama']}", tasks=["xnli_de", "xcopa_th"], limit=10,
            task_manager=manager, device="cpu", bootstrap_iters=0, evaluation_tracker=tracker,
        )  # fmt: skip
        found.pop("samples")
        tracker.save_results_aggregated(results=found, samples=None)
    return folder


def test_what_lm_eval_wrote_stands_beside_ours_with_what_differs(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run", outcomes(60, ("en", "de")), name="mine")
    (file,) = results.rglob("results_*.json")
    theirs = json.loads(file.read_text(encoding="utf-8"))
    table = beside(load_results(run), read_outside([results]))
    xnli = table[table["called"] == "xnli_de"].iloc[0]
    assert (xnli["benchmark"], xnli["language"], xnli["metric"], xnli["n"]) == ("xnli", "de", "acc", 10)
    assert xnli["value"] == pytest.approx(100 * theirs["results"]["xnli_de"]["acc,none"])
    assert "its own task" in xnli["from"]
    for said in ("prompt (words of the language", "split (dev, here test)", "items (10, here 60)", "limit (10 of 12"):
        assert said in xnli["differs"]
    thai = table[table["called"] == "xcopa_th"].iloc[0]
    assert (thai["benchmark"], thai["language"], thai["ours"]) == ("xcopa", "th", "")
    capsys.readouterr()
    assert main(["compare", str(run), str(results)]) == 0
    out, err = capsys.readouterr()
    rows = [line for line in out.splitlines() if line.startswith("| ")]
    notes = {line[0]: line for line in out.splitlines() if line[:1].isdigit()}
    german = next(row for row in rows if row.startswith("| XNLI") and " de " in row)
    assert "prompt (words of the language" in notes[german.split("|")[-2].strip()]
    assert "nothing is tested" in err
    assert "stand alone" in err


def test_its_own_tasks_are_not_taken_for_ours(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["table", str(results)]) == 2
    assert "--beside" in capsys.readouterr().err


def test_every_task_that_is_recognised_is_one_of_lm_evals_in_a_language_of_ours() -> None:
    import lm_eval

    home = Path(lm_eval.__file__).parent / "tasks"
    folders = (
        "xnli",
        "paws-x",
        "xcopa",
        "xstorycloze",
        "xwinograd",
        "xquad",
        "mlqa",
        "afrobench/sib",
        "belebele",
        "mgsm",
    )
    names = {
        found[1]
        for folder in folders
        for path in (home / folder).rglob("*.yaml")
        if (found := re.search(r"^task: (\w+)$", path.read_text(encoding="utf-8"), re.MULTILINE))
    }
    known = {name: recognised(name) for name in sorted(names)}
    for own in own_tasks():
        units = {name: found[1] for name, found in known.items() if found is not None and found[0] is own}
        if own.benchmark in ("xnli", "pawsx", "xcopa", "xstorycloze", "xwinograd", "xquad", "mlqa"):
            ours = set(map(str, benchmarks()[own.benchmark].units()))
            assert len(units) >= 5, own.task
            assert set(map(str, units.values())) <= ours
    assert str(known["xwinograd_jp"][1]) == "ja"
    assert str(known["mlqa_de_ar"][1]) == "de-ar"
    assert str(known["mlqa_de_de"][1]) == "de"
    assert recognised("hellaswag") is None
    assert str(recognised("xnli_eu")[1]) == "eu"


def test_a_results_file_of_another_shape_is_one_error(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_run(tmp_path / "run", outcomes(60, ("en", "de")), name="mine")
    (file,) = results.rglob("results_*.json")
    whole = json.loads(file.read_text(encoding="utf-8"))
    for damage in ({"results": {"xnli_de": {"acc,none": float("nan")}}}, {"n-samples": {"xnli_de": 3}}, {"results": []},
                   {"n-shot": {"xnli_de": "x"}}, {"config": None}, {"configs": {"xnli_de": []}}):  # fmt: skip
        (tmp_path / "results_bad.json").write_text(json.dumps(whole | damage), encoding="utf-8")
        assert main(["table", str(run), "--beside", str(tmp_path / "results_bad.json")]) == 2, damage
        err = capsys.readouterr().err
        assert "results_bad.json" in err
        assert len(err.splitlines()) == 1
    assert isinstance(whole["results"]["xnli_de"], dict)
    assert pd.notna(whole["results"]["xnli_de"]["acc,none"])
