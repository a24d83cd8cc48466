"""`train --grid`: a folder a point, a table, a figure; resumed point by point; refused by name."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from xling_bench.cli.main import main
from xling_bench.core.errors import UsageError
from xling_bench.training.grid import axis
from xling_bench.training.grid_table import Axis, figure
from xling_bench.training.recipe import resolve

pytestmark = pytest.mark.e2e
FEW = ["--set", "run.steps=2", "--set", "run.save_every=2"]
GRID = ["--grid", "method.layer=1,2", "--grid", "run.seed=0,1"]


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "grid.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_grid_is_a_run_for_each_point_and_goes_on_where_it_was(recipe: Path, tmp_path: Path, capsys) -> None:
    out, alone = tmp_path / "grid", tmp_path / "alone"
    arguments = ["train", str(recipe), "-o", str(out), *FEW]
    assert main([*arguments, *GRID[:2], "--grid", "run.seed=0"]) == 0
    assert main([*arguments, *GRID]) == 0, "values are added"
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [str(out)] * 2
    assert captured.err.count("has finished, and nothing is done") == 2
    names = [f"method.layer={layer},run.seed={seed}" for layer in (1, 2) for seed in (0, 1)]
    rows = table(out)
    assert [row["point"] for row in rows] == names
    assert {(out / name / "model").is_dir() for name in names} == {True}
    plain = ["--set", "method.layer=2", "--set", "run.seed=1"]
    assert main(["train", str(recipe), "-o", str(alone), *FEW, *plain]) == 0
    assert content(alone / "model").keys() == content(out / names[3] / "model").keys()
    weights = [content(folder / "model")["model.safetensors"] for folder in (alone, out / names[3])]
    assert weights[0] == weights[1], "a point is what the command without a grid makes"
    last = json.loads((alone / "log.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert {name: float(rows[3][name]) for name in ("contrastive", "instruction", "loss")} == {
        name: last[name] for name in ("contrastive", "instruction", "loss")
    }
    assert (rows[3]["method.layer"], rows[3]["run.seed"], rows[3]["updates"]) == ("2", "1", "2")
    assert int(rows[3]["pair_tokens"]) > 0
    assert b"method.layer" in (out / "grid.svg").read_bytes()
    assert b"Layer" not in (out / "grid.svg").read_bytes()
    before = content(out / names[0] / "model"), (out / "grid.csv").read_bytes()
    shutil.rmtree(out / names[1])
    assert main([*arguments, *GRID]) == 0
    assert (content(out / names[0] / "model"), (out / "grid.csv").read_bytes()) == before


def test_methods_are_compared_at_equal_tokens(recipe: Path, tmp_path: Path) -> None:
    out = tmp_path / "grid"
    assert main(["train", str(recipe), "-o", str(out), *FEW, "--grid", "method=afp,kl,cif"]) == 0
    rows = {row["method"]: row for row in table(out)}
    tokens = {name: (row["pair_tokens"], row["instruction_tokens"]) for name, row in rows.items()}
    assert tokens["afp"] == tokens["kl"], "both learn from the same pairs and instructions"
    assert tokens["cif"][0] in ("", "0"), "instructions alone"
    assert tokens["cif"][1] == tokens["afp"][1]
    assert rows["afp"]["kl_to_base"] == "" != rows["kl"]["kl_to_base"]
    recipe.write_text(recipe.read_text(encoding="utf-8") + "[method]\nlayer = 2\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"has a \[method\] of its own, which kl cannot take the place of"):
        resolve(str(recipe), method="kl")


def test_a_dry_run_lists_the_points_and_writes_nothing(recipe: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "grid"
    assert main(["train", str(recipe), "-o", str(out), "--dry-run", "--json", "--grid", "data.p_src=0,0.5,1"]) == 0
    captured = capsys.readouterr()
    assert [plan["point"] for plan in json.loads(captured.out)] == ["data.p_src=0", "data.p_src=0.5", "data.p_src=1"]
    assert [plan["plan"]["recipe"]["data"]["p_src"] for plan in json.loads(captured.out)] == [0, 0.5, 1]
    assert "point data.p_src=0.5" in captured.err
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--grid", "method.layr=1,2"], "method.layr: there is no such key. Did you mean 'layer'"),
        (["--grid", "method.layer=1,3"], "method.layer: the model has layers 1 to 2; there is no layer 3"),
        (["--grid", "method.layer"], "expected PART.KEY=VALUE,VALUE,..."),
        (["--grid", "method.layer=1,1"], "1 stands there more than once"),
        (["--grid", "method.layer="], "a value is missing"),
        (["--grid", "method.pooling=mean,men"], "method.pooling: Input should be 'mean'"),
        (["--grid", "method.layer=1", "--grid", "method.layer=2"], "--grid method.layer is given twice"),
        (["--grid", "method.layer=1", "--set", "method.layer=2"], "given to --set and to --grid"),
        (["--grid", "method=afp", "--set", "method.layer=2"], "names whole methods, and a key of method is set"),
        (["--grid", 'model.path=["a b", "a-b"]'], "model.path"),
    ],
)
def test_what_is_wrong_with_a_grid_is_said_before_anything_is_read(
    recipe: Path, tmp_path: Path, capsys, arguments: list[str], said: str
) -> None:
    (tmp_path / "data" / "pairs.de").unlink()
    assert main(["train", str(recipe), "-o", str(tmp_path / "out"), *arguments]) == 2
    assert said in capsys.readouterr().err
    assert not list((tmp_path / "out").glob("*/model"))


def test_another_grids_folder_is_refused_and_so_is_a_foreign_one(recipe: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    assert main(["train", str(recipe), "-o", str(out), *FEW, "--grid", "method.layer=1"]) == 0
    assert main(["train", str(recipe), "-o", str(out), *FEW, "--grid", "data.p_src=1"]) == 2
    assert "holds a grid with other keys (['method.layer'], now ['data.p_src'])" in capsys.readouterr().err
    more = ["--set", "run.steps=3", "--grid", "method.layer=1"]
    assert main(["train", str(recipe), "-o", str(out), *more]) == 2
    assert "holds a run with another recipe.run" in capsys.readouterr().err
    foreign = tmp_path / "data"
    assert main(["train", str(recipe), "-o", str(foreign), "--grid", "method.layer=1"]) == 2
    assert "is not empty and holds no grid" in capsys.readouterr().err


def test_words_numbers_and_lists_are_read_as_toml_has_them() -> None:
    assert axis("method.pooling=mean,last") == Axis("method.pooling", ("mean", "last"))
    assert axis("run.lr=1e-5,2e-5") == Axis("run.lr", (1e-5, 2e-5))
    assert axis("model.untie=true,false") == Axis("model.untie", (True, False))
    assert axis('data.languages=["en","de"],["en","zh"]') == Axis("data.languages", (["en", "de"], ["en", "zh"]))


def test_the_figure_has_a_line_for_each_combination_and_a_band_over_seeds() -> None:
    axes = [axis("method.pooling=mean,last"), axis("data.p_src=0,1"), axis("run.seed=0,1")]
    rows = [
        {"method.pooling": pooling, "data.p_src": p, "run.seed": seed, "loss": 1 + p + seed, "dev/mean": 0.5}
        for pooling in ("mean", "last")
        for p in (0, 1)
        for seed in (0, 1)
    ]
    drawn = figure(rows, axes)
    assert drawn is not None
    shown = drawn.svg.decode()
    assert all(text in shown for text in (">mean<", ">last<", "data.p_src 0", "accuracy on development items"))
    assert "means of 2 seeds" in drawn.caption
    assert figure(rows[:2], [axes[2]]) is None
