"""Whole recipes of Extrapolating and COMMIT, planned over a few rows that lie as the papers' data do."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from xling_bench.cli.main import main

pytestmark = pytest.mark.e2e
SIX = ("ar", "el", "hi", "tr", "vi", "zh")
WIKIMATRIX = {key: tuple(sorted(("en", key))) for key in SIX}  # LASER names a file's languages in alphabetical order
PAPER = {"lr": 2e-5, "instructions": 128, "length": 512, "warmup": 0.03, "schedule": "cosine"}


@pytest.fixture
def papers(tmp_path: Path, models, monkeypatch) -> Path:
    """Ten rows of WikiMatrix a language, one of them below the threshold; the other data, too."""
    for folder in ("wikimatrix", "news-commentary", "alpaca", "wikipedia", "dictionaries"):
        (tmp_path / folder).mkdir()
    for key, (first, last) in WIKIMATRIX.items():
        rows = [f"{1.1 if row else 1.01}\t{first} wiki {key} {row}\t{last} wiki {key} {row}\n" for row in range(10)]
        packed = gzip.compress("".join(rows).encode())
        (tmp_path / "wikimatrix" / f"WikiMatrix.{first}-{last}.tsv.gz").write_bytes(packed)
    for key in ("ar", "hi", "zh"):
        for side in ("en", key):
            name = f"News-Commentary.{'-'.join(sorted(('en', key)))}.{side}"
            lines = "".join(f"{side} news {key} {row}\n" for row in range(4))
            (tmp_path / "news-commentary" / name).write_text(lines, encoding="utf-8")
    for key in ("en", *SIX):
        tasks = [{"instruction": f"{key} ask {row}", "input": "", "output": f"{key} say {row}"} for row in range(6)]
        (tmp_path / "alpaca" / f"alpaca_data.{key}.json").write_text(json.dumps(tasks), encoding="utf-8")
    (tmp_path / "wikipedia" / "hi.txt").write_text("कुत्ता भौंकता है।\nवह बड़ा है।\n\nकुत्ता सोता है।\n", encoding="utf-8")
    (tmp_path / "dictionaries" / "en-hi.txt").write_text("ask पूछो\nsay कहो\ndog कुत्ता\nis है\n", encoding="utf-8")
    monkeypatch.setenv("XLING_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("XLING_DATA", raising=False)
    return tmp_path


def planned(name: str, model: Path, capsys, *settings: str) -> dict:
    given = [
        part for setting in (f"model.path={model}", "data.decontaminate=[]", *settings) for part in ("--set", setting)
    ]
    assert main(["train", name, "--dry-run", "--json", *given]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("name", ["xllama-llama-7b", "xllama-pythia-6.9b"])
def test_extrapolating_as_table_1_and_appendix_a_say(papers: Path, models, capsys, name: str) -> None:
    plan = planned(name, models["llama"], capsys)
    run, data = plan["recipe"]["run"], plan["recipe"]["data"]
    assert {key: run[key] for key in PAPER} == PAPER
    assert plan["rows"]["instructions"] == 6 * 9 + 3 * 4 + 7 * 6, (
        "pairs over the threshold, news, seven languages' tasks"
    )
    assert plan["pairs"] == 0, "nothing contrastive"
    printed = {"ar": 999.8 + 97.4, "el": 620.8, "hi": 231.5 + 2.8, "tr": 477.7, "vi": 1073.8, "zh": 786.5 + 126.0}
    limits = dict.fromkeys(SIX, 0)
    for source in data["pairs"]:
        (key,) = {*source.get("columns", {}), *source.get("files", {})} - {"en"}
        limits[key] += source["limit"]
    assert limits == pytest.approx({key: round(1000 * count) for key, count in printed.items()}), "Table 1"
    assert run["epochs"] == 3
    assert 3 <= plan["epochs"]["instructions"] < 3 + 128 / plan["rows"]["instructions"], "in whole updates"


def test_a_budget_of_pairs_uniform_or_allocated(papers: Path, models, capsys) -> None:
    allocated = planned("xllama-llama-7b-budget", models["llama"], capsys)["data"]["allocation"]
    assert sum(found["cap"] for found in allocated.values()) == 1_199_998, "as printed in Table 3"
    assert allocated["hi"] == {"cap": 234233, "there": 13, "taken": 13}
    uniform = planned("xllama-llama-7b-budget", models["llama"], capsys, "data.allocation=5")
    assert {key: found["taken"] for key, found in uniform["data"]["allocation"].items()} == dict.fromkeys(SIX, 5)
    assert uniform["rows"]["instructions"] == 6 * 5 + 7 * 6


def test_commit_and_both_ways_of_going_before_it(papers: Path, models, capsys) -> None:
    plan = planned("commit-llama-7b", models["llama"], capsys)
    assert {key: plan["recipe"]["run"][key] for key in PAPER} == PAPER
    assert plan["recipe"]["run"]["epochs"] == 3
    hindi = plan["data"]["mixing"]["languages"]["hi"]
    assert (plan["data"]["mixing"]["rate"], hindi["words"], hindi["known"]) == (0.9, 36, 12)
    assert plan["data"]["languages"]["en"]["instructions"] == plan["rows"]["instructions"] == 6
    align = planned("commit-align-llama-7b", models["llama"], capsys)
    assert (align["recipe"]["run"]["steps"], align["recipe"]["run"]["lr"]) == (10_000, 2e-5)
    mixing = align["data"]["mixing"]
    assert (mixing["rate"], mixing["languages"]["hi"]["known"]) == (0.5, 5), "Hindi words, of a dictionary turned round"
    plain = planned("commit-clm-llama-7b", models["llama"], capsys)
    assert plain["data"]["mixing"] is None
    assert plain["rows"] == align["rows"] == {"pairs": 0, "instructions": 2}
    assert plain["recipe"]["run"] == align["recipe"]["run"], "only the mixing differs (Table 3)"


def test_commit_learns_goes_on_and_keeps_what_it_mixed(papers: Path, models, tmp_path: Path, capsys) -> None:
    """Two runs in a row; the second starts from the first's model, and says how much it mixed."""
    common = ["data.decontaminate=[]", "run.instructions=4", "run.parts=1", "run.steps=2", "model.precision=float32"]
    first, second = tmp_path / "first", tmp_path / "second"
    for name, base, out in (
        ("commit-align-llama-7b", models["llama"], first),
        ("commit-llama-7b", first / "model", second),
    ):
        settings = [part for setting in (*common, f"model.path={base}") for part in ("--set", setting)]
        assert main(["train", name, "-o", str(out), *settings]) == 0, capsys.readouterr().err
    facts = json.loads((second / "run.json").read_text(encoding="utf-8"))
    trainings = json.loads((second / "model" / "xling_training.json").read_text(encoding="utf-8"))["trainings"]
    mixed = [found["mixed"]["hi"] for found in trainings]
    assert [found["replaced"] > 0 for found in mixed] == [True, True], "both trainings say what they mixed"
    assert mixed[1]["known"] == facts["data"]["mixing"]["languages"]["hi"]["known"]
    assert facts["data"]["mixing"]["languages"]["hi"]["replaced"] > 0
    assert facts["data"]["template"]["title"].startswith("Stanford Alpaca")
    assert "code-mixed at 0.9" in capsys.readouterr().err
