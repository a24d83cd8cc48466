"""What `xling-bench train` refuses, when, and what it says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from tiny import without_a_weight

from xling_bench.cli.main import main

pytestmark = pytest.mark.e2e


WRONG = [
    ("run.stepz=3", "run.stepz: there is no such key. Did you mean 'steps'"),
    ("runs.steps=3", "Did you mean 'run'"),
    ("data.langs=[]", "data.langs: there is no such key. Did you mean 'languages'"),
    ("method.layer=3", "layers 1 to 2; there is no layer 3"),
    ("run.length=4096", "run.length: the model has 2048 positions, got 4096"),
    ("run.pair_length=4096", "run.pair_length: the model has 2048 positions"),
    ("model.path=./nowhere", "model folder ./nowhere does not exist"),
    ("steps", "expected PART.KEY=VALUE"),
    ("run.steps=true", "run.steps: Input should be a valid integer, got true"),
    ("run.steps=2.5", "run.steps: Input should be a valid integer, got 2.5"),
    ("run.steps=2\npairs = 3", "one value each"),
    ("run.lr=inf", "run.lr: Input should be a finite number"),
    ("run.clip=inf", "run.clip: Input should be a finite number"),
    ("run.seed=-1", "run.seed: Input should be greater than or equal to 0"),
    ("run.pairs=1", "with one pair seen at once"),
    ("run.parts=4", "run.instructions: an update's 3 instructions cannot be shared out equally to 1 process x 4 parts"),
    ("data.pairs=" + "[" * 5000, "nested too deep"),
    ("data.pairs=" + "[" * 400 + "]" * 400, "nested too deep"),
    (f"data{'.a' * 3000}=1", "nested too deep"),
    ("run.steps=9223372036854775808", "run.steps: Input should be less than"),
    ("model.path=", "model.path: String should have at least 1 character"),
    ("model.kernel=liger", "model.kernel"),
    ("method.mode=papre", "Input should be 'plain', 'code' or 'paper', got \"papre\""),
    ("evaluate.tasks=xling_xnli", "evaluate.tasks: expected a list"),
    *((f"data.allocation={wrong}", "data.allocation: expected a number of pairs, 0 or more, a table of them by")
      for wrong in ("-1", "1.5", "true", "[1]")),
    ("data.allocation={de = -1}", "data.allocation: expected a number of pairs, 0 or more, for de, got -1"),
    ("adapter.targets=q_proj", 'adapter.targets: expected "all-linear" or a list of layers\' names'),
    ("method=xllama", "The method is named in MODEL/DATA/METHOD or in the recipe's file"),
    ("adapter.targets=[1]", "adapter.targets: expected \"all-linear\" or a list of layers' names"),
    ('data.pairs=[{kind = "tsv", file = "x", columns = {en = true, de = 2}}]',
     "data.pairs.0.columns.en: expected a column by its number or its name in the header, got True"),
    ('data.pairs=[{kind = "tsv", file = "x", columns = {en = 1, de = 2}, score = 1.5, least_score = 1}]',
     "data.pairs.0.score: expected a column by its number"),
]  # fmt: skip


@pytest.mark.parametrize(("setting", "said"), WRONG)
def test_what_is_wrong_is_said_before_anything_is_read(recipe: Path, tmp_path: Path, capsys, setting, said) -> None:
    """A dry run says the same, with data that could not be read in any case."""
    (tmp_path / "data" / "pairs.de").unlink()
    assert main(["train", str(recipe), "-o", str(tmp_path / "out"), "--set", setting]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert main(["train", str(recipe), "--dry-run", "--json", "--set", setting]) == 2
    assert capsys.readouterr().err == error
    assert not (tmp_path / "out").exists()


def test_a_teacher_of_another_width_is_one_error(recipe: Path, models, tmp_path: Path, capsys) -> None:
    wide = tmp_path / "wide"
    shutil.copytree(models["llama"], wide)
    config = json.loads((wide / "config.json").read_text(encoding="utf-8"))
    (wide / "config.json").write_text(json.dumps(config | {"hidden_size": 64}), encoding="utf-8")
    wrong = {
        f"distillation_teacher={wide}": f"distillation_teacher: {wide} has vectors of 64 dimensions, the model of 32",
        "distillation_teacher_layer=3": "distillation_teacher_layer: the teacher has layers 1 to 2",
        "distillation_layer=3": "distillation_layer: the model has layers 1 to 2; there is no layer 3",
        "distillation_teacher=./nowhere": "./nowhere",
    }
    for setting, said in wrong.items():
        more = ["--set", "method.distillation_weight=1", "--set", f"method.{setting}"]
        assert main(["train", str(recipe), "--dry-run", "--json", *more]) == 2
        assert said in capsys.readouterr().err


def test_recipes_that_are_none(recipe: Path, tmp_path: Path, capsys) -> None:
    def refused(*arguments: str) -> str:
        assert main(["train", *arguments]) == 2
        return capsys.readouterr().err

    out = str(tmp_path / "out")
    (binary := tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    assert "give -o DIR" in refused(str(recipe))
    assert "Did you mean 'afp'" in refused("xglm-564m/en-zh/apf", "-o", out)
    assert "expected MODEL/DATA/METHOD" in refused("xglm-564m", "-o", out)
    assert "Did you mean 'list'" in refused("lst")
    assert "does not exist" in refused("nothing.toml", "-o", out)
    assert "not valid TOML" in refused(str(binary), "-o", out)
    nothing = ("--set", "method.contrastive_weight=0", "--set", "method.instruction_weight=0")
    assert "no loss has a weight above 0" in refused(str(recipe), "-o", out, *nothing)


TABLES = [
    ('model = "xglm-564m"\n[dta]\n', "dta: there is no such key. Did you mean 'data'"),
    ('model = "./base"\n[data]\n', '[model] with path = "./base"'),
    ("[data]\n", "model: name one of training/models/"),
    ('model = ""\n', "no model ''"),
    ('[[data.pairs]]\nkind = "line"', "data.pairs.0: kind: expected one of 'moses', 'lines'"),
    ('[[data.pairs]]\nfiles.en = "x"', "data.pairs.0: `kind` is missing"),
    ('[[data.pairs]]\nkind = "lines"\nfils = 3', "data.pairs.0.fils: there is no such key. Did you mean 'files'"),
    ('[[data.instructions]]\nkind = "alpaca"\nfiles.en = "x"\nreverse = 0.5', "are for `pairs`"),
]


@pytest.mark.parametrize(("table", "said"), TABLES)
def test_tables_of_a_recipe_file_are_checked(recipe: Path, capsys, table: str, said: str) -> None:
    recipe.write_text(
        table
        if "model" in said or table.startswith("model")
        else f'model = "xglm-564m"\n[data]\nlanguages = ["en"]\n{table}'
    )
    assert main(["train", str(recipe), "--dry-run", "--json"]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_that_cannot_be_used_is_refused_before_anything_is_read(recipe: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "data" / "pairs.de").unlink()
    (file := tmp_path / "file").write_text("x", encoding="utf-8")
    (other := tmp_path / "other").mkdir()
    (other / "notes.txt").write_text("mine", encoding="utf-8")
    for place, said in ((file, "is a file"), (file / "x", "no folder that can be"), (other, "holds no run")):
        for more in ([], ["--dry-run"]):
            assert main(["train", str(recipe), "-o", str(place), *more]) == 2
            assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"architectures": ["LlamaForSequenceClassification"]}, "not a causal language model's"),
        ({"model_type": "t5"}, "'t5' is no causal language model"),
        ({"architectures": ["LlamaModel"]}, ""),
        ({"architectures": None}, ""),
        ({"architectures": ["Own"], "auto_map": {"AutoModelForCausalLM": "own.Own"}}, ""),
    ],
)
def test_models_that_are_no_causal_ones_are_told_by_their_configuration(
    recipe: Path, models, tmp_path: Path, capsys, change, said
) -> None:
    base = shutil.copytree(models["llama"], tmp_path / "base")
    config = json.loads((base / "config.json").read_text(encoding="utf-8")) | change
    (base / "config.json").write_text(json.dumps(config), encoding="utf-8")
    code = main(["train", str(recipe), "--dry-run", "--json", "--set", f"model.path={base}"])
    assert (code, said in capsys.readouterr().err) == (2 if said else 0, True)


def test_a_model_that_lacks_weights_is_refused(recipe: Path, models, tmp_path: Path, capsys) -> None:
    base = without_a_weight(shutil.copytree(models["llama"], tmp_path / "base"))
    assert main(["train", str(recipe), "-o", str(tmp_path / "out"), "--set", f"model.path={base}"]) == 2
    assert "its files lack 1 of its weights (model.layers.0." in capsys.readouterr().err


def test_two_starts_into_one_folder(recipe: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with FileLock(str(out / ".xling-tmp-lock")):
        assert main(["train", str(recipe), "-o", str(out)]) == 2
    assert "another process is training into it" in capsys.readouterr().err
    assert main(["train", str(recipe), "-o", str(out), "--set", "run.steps=2"]) == 0


def test_all_files_that_are_missing_are_named_at_once(recipe: Path, tmp_path: Path, capsys) -> None:
    """And whose they are, where a recipe of ours names them."""
    for name in ("pairs.de", "tasks.en.json"):
        (tmp_path / "data" / name).unlink()
    assert main(["train", str(recipe), "--dry-run", "--json"]) == 2
    error = capsys.readouterr().err
    assert f"2 of the data's 4 files are not (plain or .gz) below {tmp_path / 'data'}:" in error
    assert "  pairs.en: pairs.de\n" in error
    assert "  tasks.en.json: tasks.en.json\n" in error
    text = recipe.read_text(encoding="utf-8")
    recipe.write_text('data = "en-zh"\n' + text[: text.index("[data]")] + text[text.index("[run]") :])
    assert main(["train", str(recipe), "--dry-run", "--json"]) == 2
    error = capsys.readouterr().err
    assert "opus100/en-zh/opus.en-zh-train.zh (OPUS-100 (Zhang et al. 2020): https://opus.nlpl.eu)" in error
    assert "bactrian/zh.json (Bactrian-X (Li et al. 2023): https://huggingface.co" in error


def test_a_loss_without_data_is_refused(recipe: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "data" / "none.json").write_text('{"de": 0}', encoding="utf-8")
    assert main(["train", str(recipe), "--dry-run", "--json", "--set", "data.allocation=none.json"]) == 2
    assert "data.pairs: none is left to learn from" in capsys.readouterr().err
    assert main(["train", str(recipe), "--dry-run", "--json", "--set", "data.allocation=nowhere.json"]) == 2
    assert "there is no file" in capsys.readouterr().err


def test_invented_benchmark_items_are_no_check_for_contamination(recipe: Path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("XLING_DATA", "sample")
    assert main(["train", str(recipe), "--dry-run", "--json", "--set", 'data.decontaminate=["xnli"]']) == 2
    assert "made up" in capsys.readouterr().err


def test_another_recipe_in_the_same_folder_is_refused(recipe: Path, tmp_path: Path, capsys) -> None:
    out = str(tmp_path / "out")
    assert main(["train", str(recipe), "-o", out, "--set", "run.steps=2"]) == 0
    capsys.readouterr()
    assert main(["train", str(recipe), "-o", out, "--set", "run.steps=3"]) == 2
    error = capsys.readouterr().err
    assert "another recipe.run.steps (2, now 3)" in error
    assert ("--extend goes" in error, "checkpoint-2 has no optimiser state" in error) == (False, True)
    other = recipe.with_name("other.toml")
    other.write_text('method = "mcl"\n' + recipe.read_text(encoding="utf-8"), encoding="utf-8")
    assert main(["train", str(other), "-o", out, "--set", "run.steps=2"]) == 2
    assert "(its recipe is 'tiny', now 'other')" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "out" / "model")
    assert main(["train", str(recipe), "-o", out, "--set", "run.lr=1"]) == 2
    last = tmp_path / "out" / "checkpoint-2"
    assert f"The run has not ended; {last} is a model: `run --model hf:{last}` scores it" in capsys.readouterr().err
    assert main(["train", str(recipe), "-o", out, "--set", "run.steps=2"]) == 0
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "grid.json").write_text("{}", encoding="utf-8")
    assert main(["train", str(recipe), "-o", out]) == 2
    assert "holds a grid of runs (grid.json)" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "out")
    assert main(["train", str(recipe), "-o", out, "--set", "run.steps=2"]) == 0
    assert main(["train", str(recipe), "-o", out, "--set", "run.steps=2"]) == 0, "a finished run is left as it is"


def test_a_run_whose_sizes_meant_something_else_is_refused(recipe: Path, tmp_path: Path, capsys) -> None:
    """Before, run.pairs was what one process took in one part."""
    out = tmp_path / "out"
    assert main(["train", str(recipe), "-o", str(out), "--set", "run.steps=1"]) == 0
    facts = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert facts.pop("sizes") == {"pairs": {"update": 4, "part": 4}, "instructions": {"update": 3, "part": 3}}
    (out / "run.json").write_text(json.dumps(facts), encoding="utf-8")
    capsys.readouterr()
    assert main(["train", str(recipe), "-o", str(out), "--set", "run.steps=1"]) == 2
    assert "run.pairs and run.instructions were those of one part on one process" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("optimizer.pt", b"no tensors"),
        ("rng_state.pth", b""),
        ("scheduler.pt", None),
        ("trainer_state.json", b"[]"),
        ("trainer_state.json", b'{"global_step": 3}'),
        ("model.safetensors", b"\0"),
        ("config.json", b"{"),
        ("trainer_state.json", b'{"global_step": 4}'),
        ("files.json", b"[" * 100_000),
    ],
)
def test_a_damaged_checkpoint_is_one_error(
    recipe: Path, tmp_path: Path, capsys, name: str, content: bytes | None
) -> None:
    out, kept = tmp_path / "out", ("--set", "run.keep_optimizer=true")
    assert main(["train", str(recipe), "-o", str(out), "--set", "run.steps=6", *kept]) == 0
    shutil.rmtree(out / "model")
    (last,) = (path for path in out.glob("checkpoint-*") if path.name == "checkpoint-6")
    shutil.rmtree(last)
    damaged = out / "checkpoint-4" / name
    damaged.unlink()
    if content is not None:
        damaged.write_bytes(content)
    capsys.readouterr()
    assert main(["train", str(recipe), "-o", str(out), "--set", "run.steps=6", *kept]) == 2
    error = capsys.readouterr().err
    assert "checkpoint-4" in error
    assert "Delete the folder" in error
    assert "Traceback" not in error
