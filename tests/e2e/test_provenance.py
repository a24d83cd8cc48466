"""A model that learnt a test set says so: its record, its scores in every table, and whatever is trained from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from xling_bench.cli.main import main
from xling_bench.core.errors import ModelError
from xling_bench.models.config import ModelConfig
from xling_bench.models.fingerprint import fingerprint
from xling_bench.results.lineage import FILE, Lineage, read_lineage
from xling_bench.results.marks import MARK
from xling_bench.results.training_record import Training

pytestmark = pytest.mark.e2e
PREMISES = 20  # of the test set made up below, each with three hypotheses
LABELS = ("entailment", "neutral", "contradiction")
SAYS = {"en": "Guest {i} said that the old bridge would hold for another year",
        "de": "Gast {i} sagte, dass die alte Brücke noch ein Jahr halten werde"}  # fmt: skip
LEARN = ("run.steps=4", "run.save_every=2", "method.instruction_weight=0")
OF_TEST = (*LEARN, 'data.decontaminate=["xnli"]', "data.instructions=[]")


def write_test_set(data: Path) -> None:
    """XNLI's test split in XTREME's layout."""
    (data / "xnli").mkdir()
    for language, words in SAYS.items():
        rows = [f"{words.format(i=i)}.\t{language} {label} {i}.\t{label}" for i in range(PREMISES) for label in LABELS]
        (data / "xnli" / f"test-{language}.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def write_pairs(data: Path) -> None:
    """The premises and their translations, as pairs to learn."""
    for language, words in SAYS.items():
        lines = "".join(f"{words.format(i=i)}.\n" for i in range(PREMISES))
        (data / f"pairs.{language}").write_text(lines, encoding="utf-8")


def train(recipe: Path, out: Path, *settings: str) -> int:
    return main(["train", str(recipe), "-o", str(out), *(part for each in settings for part in ("--set", each))])


def record_of(folder: Path) -> Lineage:
    found = read_lineage(folder / FILE)
    assert found is not None
    return found


@pytest.fixture
def tested(recipe: Path, tmp_path: Path) -> Path:
    """The recipe, its pairs those of a test set."""
    write_test_set(tmp_path / "data")
    write_pairs(tmp_path / "data")
    return recipe


def last(folder: Path) -> Training:
    return record_of(folder).trainings[-1]


def test_a_model_records_what_it_learnt_and_from_what(tested: Path, models, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    assert train(tested, out, *OF_TEST) == 2  # refused unless it is asked for
    error = capsys.readouterr().err
    for key in ("en", "de"):  # where it stands in its own language's file
        assert f"xnli {key}: {PREMISES} exact, 0 by n-gram, such as pairs.{key}, line 1 = " in error
    assert 'Set data.overlap = "drop"' in error
    assert train(tested, out, *OF_TEST, "data.overlap=allow") == 0
    error = capsys.readouterr().err
    assert "provenance unknown" in error
    counts = f"en {PREMISES}, de {PREMISES}"
    assert f"overlaps: compared with xnli; found: xnli {counts} (different training texts); KEPT" in error
    assert "texts of these benchmarks were learnt: xnli (de, en)" in error
    made = last(out / "model")
    config = ModelConfig(f"hf:{models['xglm']}")
    assert made.base.fingerprint == fingerprint(config)
    assert not made.base.on_record
    assert made.policy == "allow"
    assert made.overlaps["xnli"].found == {key: {"test": PREMISES} for key in ("en", "de")}
    assert made.overlaps["xnli"].checked == {f"{key} test": 3 * PREMISES for key in ("en", "de")}
    assert made.learnt.updates == 4
    assert (made.learnt.pairs, made.learnt.instructions, made.learnt.targets) == (16, 0, 0)
    assert str(tmp_path) not in (out / "model" / FILE).read_text(encoding="utf-8")
    half = last(out / "checkpoint-2")
    assert half.learnt.updates == 2
    assert half.model_copy(update={"learnt": made.learnt}) == made
    assert 0 < (half.learnt.pair_tokens or 0) < (made.learnt.pair_tokens or 0)


def test_tokens_are_counted_as_the_tokenizer_makes_them(recipe: Path, models, tmp_path: Path) -> None:
    """One epoch of the pairs in order has each once: their tokens are those of the files."""
    out = tmp_path / "out"
    rows = 120
    assert train(recipe, out, f"run.steps={rows // 4}", "run.save_every=100", "method.instruction_weight=0") == 0
    tokenizer = AutoTokenizer.from_pretrained(models["xglm"])
    texts = [
        text
        for language in ("en", "de")
        for text in (tmp_path / "data" / f"pairs.{language}").read_text(encoding="utf-8").splitlines()
    ]
    learnt = last(out / "model").learnt
    assert (learnt.pairs, learnt.pair_tokens) == (rows, sum(len(tokenizer(text)["input_ids"]) for text in texts))


@pytest.mark.parametrize("name", ["xglm", "llama"])
def test_targets_are_the_tokens_that_instructions_teach(recipe: Path, models, tmp_path: Path, name: str) -> None:
    """Padded rows and packed ones alike: what is learnt of whole texts is all but each one's first token."""
    out = tmp_path / name
    whole = ("method.contrastive_weight=0", 'method.learn="text"', f"model.path={models[name]}", "run.steps=3")
    assert train(recipe, out, *whole) == 0
    learnt = last(out / "model").learnt
    assert (learnt.pairs, learnt.pair_tokens, learnt.instructions) == (0, 0, 9)
    assert learnt.targets == (learnt.instruction_tokens or 0) - 9


def test_what_is_trained_from_it_inherits_its_record(tested: Path, tmp_path: Path, capsys) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert train(tested, first, *OF_TEST, "data.overlap=allow") == 0
    more = (*LEARN, "data.instructions=[]", f"model.path={first / 'model'}")
    capsys.readouterr()
    assert train(tested, second, *more) == 0  # data.decontaminate = []
    said = capsys.readouterr().err
    assert "it learnt texts of benchmarks' items: XNLI (de 20, en 20)" in said
    lineage = record_of(second / "model")
    assert lineage.trainings[:1] == record_of(first / "model").trainings
    assert lineage.trainings[1].base.on_record
    assert lineage.trainings[1].base.fingerprint == fingerprint(ModelConfig(f"hf:{first / 'model'}"))
    states = [lineage.standing(key, "de", "test").state for key in ("xnli", "xcopa")]
    assert states == ["contaminated", "not checked"]
    (first / "model" / FILE).write_text("{", encoding="utf-8")
    assert train(tested, tmp_path / "third", *more) == 2  # before data are read: damaged is not unknown
    assert f"{FILE}" in capsys.readouterr().err
    with pytest.raises(ModelError):
        read_lineage(first / "model" / FILE)


def test_going_on_counts_on(tested: Path, tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    settings = (*OF_TEST, "data.overlap=allow", "run.keep_optimizer=true")
    assert train(tested, whole, *settings) == 0
    assert train(tested, stopped, *settings) == 0
    for folder in ("model", "checkpoint-4"):
        for path in sorted((stopped / folder).iterdir()):
            path.unlink()
        (stopped / folder).rmdir()
    assert train(tested, stopped, *settings) == 0
    assert (stopped / "model" / FILE).read_bytes() == (whole / "model" / FILE).read_bytes()
    assert json.loads((whole / "model" / FILE).read_text(encoding="utf-8"))["format"] == 1


def test_going_on_keeps_what_the_base_learnt(tested: Path, tmp_path: Path, capsys) -> None:
    """Where the base lies and what it is called may change meanwhile, but not what is on record of it."""
    base, whole, stopped = tmp_path / "base", tmp_path / "whole", tmp_path / "stopped"
    assert train(tested, base, *OF_TEST, "data.overlap=allow") == 0
    settings = (*LEARN, "data.instructions=[]", "run.keep_optimizer=true")
    for out in (whole, stopped):
        assert train(tested, out, *settings, f"model.path={base / 'model'}") == 0
    for folder in ("model", "checkpoint-4"):
        shutil.rmtree(stopped / folder)
    moved = Path(shutil.copytree(base / "model", tmp_path / "moved"))
    record = (moved / FILE).read_text(encoding="utf-8")
    capsys.readouterr()
    for other in (None, record.replace('"policy": "allow"', '"policy": "drop"')):
        (moved / FILE).unlink()
        if other is not None:
            (moved / FILE).write_text(other, encoding="utf-8")
        for dry in ((), ("--dry-run",)):
            given = (x for each in (*settings, f"model.path={moved}") for x in ("--set", each))
            assert main(["train", str(tested), "-o", str(stopped), *dry, *given]) == 2
            said = capsys.readouterr().err
            assert f"checkpoint-2 began from a model with a {FILE} of 1 training" in said
            assert f"bring {FILE} back" in said
        (moved / FILE).touch()
    (moved / FILE).write_text(record, encoding="utf-8")
    assert train(tested, stopped, *settings, f"model.path={moved}") == 0
    for path in (whole / "model").iterdir():
        assert (stopped / "model" / path.name).read_bytes() == path.read_bytes()


def test_what_a_teacher_learnt_is_on_record_of_its_pupil(tested: Path, models, tmp_path: Path, capsys) -> None:
    """And a run goes on with that very teacher, and what was on record of it."""
    first, out = tmp_path / "first", tmp_path / "out"
    assert train(tested, first, *OF_TEST, "data.overlap=allow") == 0
    teacher = Path(shutil.copytree(first / "model", tmp_path / "teacher"))
    assert train(tested, tmp_path / "other", *LEARN, "data.instructions=[]", "run.seed=1") == 0
    settings = (*LEARN, "data.instructions=[]", "run.keep_optimizer=true", "method.contrastive_weight=0",
                "method.distillation_weight=1", f"method.distillation_teacher={teacher}")  # fmt: skip
    capsys.readouterr()
    assert train(tested, out, *settings) == 0
    said = capsys.readouterr().err
    assert "teacher teacher: provenance: " in said
    assert "it learnt texts of benchmarks' items: XNLI (de 20, en 20)" in said
    made = last(out / "model")
    assert [(each.name, each.fingerprint) for each in made.teachers] == [
        ("teacher", fingerprint(ModelConfig(f"hf:{teacher}")))
    ]
    assert made.teachers[0].trainings == record_of(teacher).trainings
    assert record_of(out / "model").standing("xnli", "de", "test").state == "contaminated"
    assert str(tmp_path) not in (out / "model" / FILE).read_text(encoding="utf-8")
    kept = (out / "model" / FILE).read_bytes()
    for folder in ("model", "checkpoint-4"):
        shutil.rmtree(out / folder)
    weights = (teacher / "model.safetensors").read_bytes()
    shutil.copy(tmp_path / "other" / "model" / "model.safetensors", teacher)
    assert train(tested, out, *settings) == 2
    assert f"another teachers.{teacher}" in capsys.readouterr().err
    (teacher / "model.safetensors").write_bytes(weights)
    (teacher / FILE).unlink()
    assert train(tested, out, *settings) == 2
    assert "began with a teacher of which" in capsys.readouterr().err
    shutil.copy(first / "model" / FILE, teacher)
    assert train(tested, out, *settings) == 0
    assert (out / "model" / FILE).read_bytes() == kept


def score(model: str, out: Path, *options: str) -> int:
    return main(["run", "--model", model, "--tasks", "xling_xnli_en,xling_xnli_de", "-o", str(out), *options])


def test_its_scores_are_marked_and_no_gate_takes_them(tested: Path, models, tmp_path: Path, capsys) -> None:
    out, base, tuned = (tmp_path / name for name in ("out", "base", "tuned"))
    assert train(tested, out, *OF_TEST, "data.overlap=allow") == 0
    capsys.readouterr()
    assert score(f"hf:{models['xglm']}", base) == 0
    shown = capsys.readouterr()
    assert shown.err.count("provenance unknown") == 1
    assert MARK not in shown.out
    assert score(f"hf:{out / 'model'}", tuned) == 0
    shown = capsys.readouterr()
    rows = [line for line in shown.out.splitlines() if line.startswith("| XNLI")]
    assert len(rows) == 2
    assert all(MARK in row.split("|")[8] for row in rows)
    assert f"{MARK}: contaminated" in shown.out
    assert "XNLI (de 20, en 20)" in shown.out
    assert (tuned / "table.md").read_text(encoding="utf-8").count(MARK) == shown.out.count(MARK)
    assert "contaminated" in (tuned / "table.csv").read_text(encoding="utf-8")
    facts = json.loads((tuned / "xling_xnli_de" / "0-0-none" / "results.json").read_text(encoding="utf-8"))
    assert facts["xling"]["facts"]["provenance"]["lineage"] == record_of(out / "model").hash
    run = json.loads((tuned / "run.json").read_text(encoding="utf-8"))
    assert run["trainings"] == record_of(out / "model").written()
    assert score(f"hf:{out / 'checkpoint-2'}", tmp_path / "half", "--limit", "6") == 0
    assert MARK in capsys.readouterr().out
    assert main(["compare", str(base), str(tuned)]) == 0
    assert "| B " in capsys.readouterr().out
    assert main(["report", str(tuned), str(base), "-o", str(tmp_path / "site")]) == 0
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    for told in ("Trained from <bdi>", "LEARNT: XNLI de 20, en 20", "The second was trained from the first"):
        assert told in page
    assert f"{MARK}</b>" in page
    capsys.readouterr()
    gate = ["gate", "--baseline", str(base), "--candidate", str(tuned)]
    assert main(gate) == 2
    assert "--allow-contaminated" in capsys.readouterr().err
    assert main([*gate, "--allow-contaminated"]) in (0, 1)
    assert MARK in capsys.readouterr().out
    (out / "model" / FILE).unlink()  # a copy without the file: unknown, and no part of the same run
    assert score(f"hf:{out / 'model'}", tuned) == 2
    assert "another xling_training.json" in capsys.readouterr().err


def test_an_adapter_and_what_is_merged_carry_the_record(tested: Path, models, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    assert train(tested, out, *OF_TEST, "data.overlap=allow", "adapter.kind=lora", "adapter.rank=2") == 0
    merged, adapter = record_of(out / "model"), record_of(out / "adapter")
    assert merged == adapter == record_of(out / "checkpoint-4")
    assert merged.trainings[0].recipe["adapter"]["kind"] == "lora"  # type: ignore[index, call-overload]
    capsys.readouterr()
    assert score(f"hf:{models['xglm']}", tmp_path / "run", "--peft", str(out / "adapter"), "--limit", "6") == 0
    assert f"{MARK}: contaminated" in capsys.readouterr().out
