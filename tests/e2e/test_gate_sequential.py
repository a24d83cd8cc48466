"""`gate --sequential` as users meet it: it stops when the answer is clear, resumes, leaves an ordinary run's folder."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from xling_bench.cli.main import main
from xling_bench.models.shared_prefix import SharedPrefixLM
from xling_bench.regress import decision
from xling_bench.regress.drawing import PORTIONS, SMALLEST, batch_size

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
LANGUAGES, ITEMS = ("it", "sw", "zh"), 300


def answering(share: float, noise: str):
    """Ranks right on so many items, an item of all languages alike but for `noise`."""

    def draw(text: str) -> float:
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") / 2**48

    def loglikelihood(self, requests, disable_tqdm=False):
        found = []
        for request in requests:
            doc = request.doc
            ease = 0.7 * draw(doc["id"]) + 0.3 * draw(f"{noise}{doc['id']}{doc['texts']}")
            right = (request.idx == doc["gold"]) == (ease < share)
            found.append((-1.0 - draw(request.args[1]) / 9 if right else -2.0, right))
        return found

    return loglikelihood


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """XCOPA's layout, in three languages."""
    for language in LANGUAGES:
        path = tmp_path / f"data/data/{language}/test.{language}.jsonl"
        path.parent.mkdir(parents=True)
        rows = [{"premise": f"p{n} {language}", "choice1": f"a{n} {language}", "choice2": f"b{n} {language}",
                 "question": "cause", "label": n % 2, "idx": n} for n in range(ITEMS)]  # fmt: skip
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setenv("XLING_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("XLING_DATA", "files")
    return tmp_path


class Bench:
    """A tiny model that answers as told, and the commands."""

    def __init__(self, model: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.model, self.folder, self.monkeypatch = f"hf:{model}", folder, monkeypatch

    def answers(self, share: float, noise: str = "") -> None:
        self.monkeypatch.setattr(SharedPrefixLM, "loglikelihood", answering(share, noise))

    def run(self, name: str) -> Path:
        out = self.folder / name
        tasks = ",".join(f"xling_xcopa_{language}" for language in LANGUAGES)
        assert main(["run", "--model", self.model, "--tasks", tasks, "--name", "m", "-o", str(out)]) == 0
        return out

    def gate(self, name: str, *options: str) -> tuple[int, dict]:
        path = self.folder / f"{name}.json"
        code = main(["gate", "--sequential", "--model", self.model, "--name", "m", "--baseline",
                     str(self.folder / "baseline"), "-o", str(self.folder / name), "--json", str(path),
                     "--batch", "30", *options])  # fmt: skip
        return code, json.loads(path.read_text()) if path.is_file() else {}


@pytest.fixture
def bench(models, files: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    found = Bench(models["llama"], files, monkeypatch)
    found.answers(0.7)
    found.run("baseline")
    return found


def contents(run: Path) -> dict[str, bytes]:
    """What a run's folder holds, but for tables, which `run` alone writes, and locks."""
    paths = (path for path in run.rglob("*") if path.is_file() and path.suffix not in (".lock", ".md", ".csv"))
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in paths}


def test_a_loss_stops_it_and_an_ordinary_run_completes_the_folder(bench: Bench, capsys) -> None:
    bench.answers(0.5, "candidate")
    code, found = bench.gate("early", "--markdown", str(bench.folder / "early.md"))
    assert (code, found["status"], found["verdict"]) == (1, "failed", "regressed")
    assert found["seen"]["early"]
    assert found["seen"]["of"] == 3 * ITEMS
    assert found["seen"]["items"] == 3 * 30 * found["seen"]["looks"] < 3 * ITEMS / 2
    assert {row["items"] for row in found["cells"]} == {30 * found["seen"]["looks"]}
    fallen = [row for row in (*found["cells"], *found["averages"]) if row["verdict"] == "regressed"]
    assert fallen
    assert all(row["p"] < 0.05 and row["low"] is None for row in fallen)
    assert "biased upward in size" in (bench.folder / "early.md").read_text()
    early = bench.folder / "early"
    assert not list(early.glob("*/*/results.json")), "items of an early stop are no results"
    capsys.readouterr()
    for command in (["table"], ["report", "-o", str(bench.folder / "page.html")],
                    ["gate", "--baseline", str(bench.folder / "baseline"), "--candidate"]):  # fmt: skip
        assert main([*command, str(early)]) == 2
        assert "the sequential gate stopped early" in capsys.readouterr().err
    bench.run("early")
    assert main(["table", str(early)]) == 0
    assert "stopped early" not in capsys.readouterr().err
    assert contents(early).keys() - {"sequential.json"} == contents(bench.run("whole")).keys()
    whole = contents(bench.folder / "whole")
    assert {name: text for name, text in contents(early).items() if name in whole} == whole
    markdown = bench.folder / "early.md"
    assert "`xling-bench run` into the same folder" in markdown.read_text()
    code, again = bench.gate("early", "--markdown", str(markdown))
    assert (code, again["seen"], again["cells"]) == (1, found["seen"], found["cells"])
    assert f"All {3 * ITEMS} have results by now: `xling-bench gate --candidate`" in markdown.read_text()
    assert "scores the others" not in markdown.read_text()


def test_a_run_of_another_limit_is_refused_in_its_folder(bench: Bench, capsys) -> None:
    """Until the gate has seen everything; results of another limit that are there are named with what to do."""
    bench.answers(0.5, "candidate")
    bench.gate("early")
    before = contents(bench.folder / "early")
    limited = ["run", "--model", bench.model, "--name", "m", "--limit", "20", "--tasks", "xling_xcopa_it", "-o"]
    capsys.readouterr()
    assert main([*limited, str(bench.folder / "early")]) == 2
    said = capsys.readouterr().err
    assert "early is a sequential gate's, which draws its items with no --limit" in said
    assert contents(bench.folder / "early") == before
    assert main([*limited, str(bench.folder / "limited")]) == 0
    (made,) = bench.folder.glob("limited/xling_xcopa_it/*/")
    folder = bench.folder / "early" / made.relative_to(bench.folder / "limited")
    shutil.copytree(made, folder)
    assert bench.gate("early")[0] == 2
    said = capsys.readouterr().err
    assert f"Remove {folder}" in said
    assert "-o folder" in said
    shutil.rmtree(folder)
    assert bench.gate("early")[0] == 1


def test_a_gain_stops_it_and_strict_goes_on(bench: Bench) -> None:
    bench.answers(0.9)
    code, found = bench.gate("better")
    assert (code, found["status"], found["seen"]["early"]) == (0, "passed", True)
    assert "would not call it regressed" in found["cells"][0]["why"]
    code, found = bench.gate("strict", "--strict", "--batch", "150")
    assert not found["seen"]["early"]
    assert found["status"] == ("undecided" if code == 3 else "passed")


def test_without_an_answer_it_is_the_gate_and_the_run_of_everything(bench: Bench, capsys) -> None:
    bench.answers(0.69, "candidate")
    capsys.readouterr()
    code, found = bench.gate("equal", "--batch", "120")
    assert (code, found["seen"]["early"], found["seen"]["items"]) == (0, False, 3 * ITEMS)
    assert capsys.readouterr().err.count("provenance unknown") == 1
    equal = contents(bench.folder / "equal")
    assert json.loads(equal.pop("sequential.json"))["ended"]
    assert equal == contents(bench.run("whole"))
    capsys.readouterr()
    assert main(["table", str(bench.folder / "equal")]) == 0
    assert "sequential" not in capsys.readouterr().err
    assert bench.gate("equal", "--batch", "120") == (code, found)
    for other, said in (("--order-seed", "order_seed (was 0, now 7)"), ("--batch", "batch (was 120, now 7)")):
        assert bench.gate("equal", "--batch", "120", other, "7")[0] == 2
        assert said in capsys.readouterr().err
    (bench.folder / "gate.toml").write_text("alpha = 0.045\n")
    path = bench.folder / "whole.json"
    main(["gate", "--baseline", str(bench.folder / "baseline"), "--candidate", str(bench.folder / "whole"), "--config",
          str(bench.folder / "gate.toml"), "--json", str(path)])  # fmt: skip
    whole = json.loads(path.read_text())
    assert {name: found[name] for name in ("cells", "averages", "status")} == {
        name: whole[name] for name in ("cells", "averages", "status")
    }


def test_a_killed_gate_goes_on_to_the_same_answer(bench: Bench, monkeypatch, capsys) -> None:
    bench.answers(0.6, "candidate")
    expected = bench.gate("at_once")
    looks, real = [], decision.look

    def dying(*arguments):
        looks.append(real(*arguments))
        if len(looks) == 2:
            raise KeyboardInterrupt
        return looks[-1]

    monkeypatch.setattr("xling_bench.api.look", dying)
    assert bench.gate("killed")[0] == 130
    monkeypatch.setattr("xling_bench.api.look", real)
    capsys.readouterr()
    assert bench.gate("killed", "--batch", "40")[0] == 2
    assert "batch (was 30, now 40)" in capsys.readouterr().err
    assert bench.gate("killed") == expected
    at_once = contents(bench.folder / "at_once")
    assert contents(bench.folder / "killed") == at_once


def test_engine_agrees_with_an_ordinary_run(models, sample_data, tmp_path: Path) -> None:
    """The real engine: the same scores, log-likelihoods but for their last digits."""
    tasks = "xling_xnli_en,xling_xnli_de"
    arguments = ["--model", f"hf:{models['llama']}"]
    assert main(["run", *arguments, "--tasks", tasks, "-o", str(tmp_path / "a")]) == 0
    gate = ["gate", "--sequential", *arguments, "--allow-sample", "--batch", "2"]
    assert main([*gate, "--baseline", str(tmp_path / "a"), "-o", str(tmp_path / "b")]) == 0
    assert (tmp_path / "a/items.parquet").read_bytes() == (tmp_path / "b/items.parquet").read_bytes()
    for path in tmp_path.glob("a/*/*/samples.jsonl"):
        other = tmp_path / "b" / path.relative_to(tmp_path / "a")
        for mine, theirs in zip(path.read_text().splitlines(), other.read_text().splitlines(), strict=True):
            sums = [[float(value) for value, _ in json.loads(line)["filtered_resps"]] for line in (mine, theirs)]
            assert sums[0] == pytest.approx(sums[1], rel=1e-5)


@pytest.mark.slow  # the language identifier's models
def test_texts_are_those_of_an_ordinary_run(models, sample_data, tmp_path: Path) -> None:
    arguments = ["--model", f"hf:{models['llama']}"]
    gate = ["gate", "--sequential", *arguments, "--allow-sample", "--batch", "2"]
    assert main(["run", *arguments, "--tasks", "xling_xquad_en", "-o", str(tmp_path / "c")]) == 0
    assert main([*gate, "--baseline", str(tmp_path / "c"), "-o", str(tmp_path / "d")]) == 0
    assert (tmp_path / "c/items.parquet").read_bytes() == (tmp_path / "d/items.parquet").read_bytes()


@pytest.mark.parametrize(("options", "said"), [
    (["--baseline", "x", "--candidate", "x", "--batch", "3"], "only with --sequential"),
    (["--baseline", "x"], "expected --candidate RUN"),
    (["--sequential", "--baseline", "x"], "expected --model"),
    (["--sequential", "--baseline", "x", "--model", "hf:x", "-o", "y", "--candidate", "z"], "not with --sequential"),
])  # fmt: skip
def test_options_that_do_not_go_together(options, said, capsys) -> None:
    assert main(["gate", *options]) == 2
    assert said in capsys.readouterr().err


def test_no_bars_where_nobody_watches(tmp_path: Path) -> None:
    """lm-eval's, of building requests, for each look and language: tqdm reads what silences it when it is imported."""
    program = f"""if 1:
        import sys
        from xling_bench.cli.main import main
        folder = {str(tmp_path)!r}
        assert main(["gate", "--sequential", "--baseline", folder, "--model", "hf:x", "-o", folder + "/o"]) == 2
        assert "lm_eval" in sys.modules
        import lm_eval.api.task
        list(lm_eval.api.task.tqdm(range(3)))
    """
    unset = {name: value for name, value in os.environ.items() if name != "TQDM_DISABLE"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=unset)
    assert "holds no results" in done.stderr
    assert "0/3" not in done.stderr


def test_help_and_docs_say_how_many_items_a_look_takes(capsys) -> None:
    assert batch_size([SimpleNamespace(items=204), SimpleNamespace(items=40)], None) == SMALLEST
    assert batch_size([SimpleNamespace(items=204), SimpleNamespace(items=4000)], None) == 200 == 4000 / PORTIONS
    with pytest.raises(SystemExit):
        main(["gate", "--help"])
    texts = capsys.readouterr().out, (ROOT / "docs/gate.md").read_text(encoding="utf-8")
    for text in texts:
        assert re.search(rf"a twentieth of the largest benchmark's, (but )?{SMALLEST} at least", " ".join(text.split()))


def test_what_is_no_mean_of_items_is_refused(models, sample_data, tmp_path: Path, capsys) -> None:
    arguments = ["--model", f"hf:{models['llama']}"]
    translated = ["--tasks", "xling_flores_en_de", "--metrics", "chrf", "--limit", "2", "-o", str(tmp_path / "a")]
    assert main(["run", *arguments, *translated]) == 0
    gate = ["gate", "--sequential", *arguments, "--allow-sample", "--baseline", str(tmp_path / "a"), "-o"]
    assert main([*gate, str(tmp_path / "b")]) == 2
    assert "flores chrf is no mean of scores from 0 to 1" in capsys.readouterr().err
    (tmp_path / "gate.toml").write_text('alpha_over = "benchmark"\n')
    assert main([*gate, str(tmp_path / "b"), "--config", str(tmp_path / "gate.toml")]) == 2
    assert "alpha is of the whole gate" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()
