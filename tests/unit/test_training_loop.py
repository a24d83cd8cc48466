"""The training loop: what is drawn, what is written, what a kill leaves, what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from xling_bench.core.errors import DataError, OutputError, TrainingError, UsageError
from xling_bench.training.checkpoint import STAGING, checkpoints, rotate
from xling_bench.training.examples import Examples, Sizes
from xling_bench.training.loop import BOARD, AlignmentTrainer
from xling_bench.training.objective import PLAIN
from xling_bench.training.pace import Run
from xling_bench.training.recipe import Recipe
from xling_bench.training.sharding import check_sharding
from xling_bench.training.step import AlignmentStep

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")
WORDS = {"en": "the dog barks", "de": "der Hund bellt"}


class Pairs:
    """Draws that name their number."""

    def __getitem__(self, i: int) -> SimpleNamespace:
        return SimpleNamespace(source=f"{WORDS['en']} {i}", target=f"{WORDS['de']} {i}")


class Instructions:
    """The same, as instructions."""

    def __getitem__(self, i: int) -> SimpleNamespace:
        prompt = f"{WORDS['en']} {i} Answer in German:"
        return SimpleNamespace(prompt=prompt, response=f" {WORDS['de']} {i}", ends=True)


SIZES = Sizes(pairs=3, instructions=2, parts=2)


def trainer(source: Path, folder: Path, steps: int = 6, *, lr: float = 1e-3) -> AlignmentTrainer:
    """Dropout on, so that a lost random state would show."""
    name = "dropout" if "xglm" in (source / "config.json").read_text(encoding="utf-8") else "attention_dropout"
    model = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, **{name: 0.1})
    tokenizer = AutoTokenizer.from_pretrained(source)
    step = AlignmentStep(model, PLAIN)
    examples = Examples(tokenizer, Pairs(), Instructions(), SIZES, steps, packs=step.network.packs)
    return AlignmentTrainer(step, examples, tokenizer, folder, Run(steps=steps, lr=lr, save_every=2, log_every=1))


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_going_on_from_a_checkpoint_ends_in_the_same_bits(models, tmp_path: Path) -> None:
    trainer(models["xglm"], tmp_path / "a").train()
    (tmp_path / "b").mkdir()
    shutil.copytree(tmp_path / "a" / "checkpoint-4", tmp_path / "b" / "checkpoint-4")
    lines = (tmp_path / "a" / "log.jsonl").read_text(encoding="utf-8").splitlines()
    (tmp_path / "b" / "log.jsonl").write_text("\n".join(lines[:5]) + '\n{"step": 6, "lo', encoding="utf-8")
    trainer(tmp_path / "b" / "checkpoint-4", tmp_path / "b").train(str(tmp_path / "b" / "checkpoint-4"))
    a, b = (weights(tmp_path / name / "checkpoint-6") for name in "ab")
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert (tmp_path / "b" / "log.jsonl").read_text(encoding="utf-8").splitlines() == lines
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert all({"contrastive", "instruction", "grad_norm"} < json.loads(line).keys() for line in lines)


def test_training_learns_and_keeps_the_last_checkpoints(models, tmp_path: Path) -> None:
    run = trainer(models["llama"], tmp_path, steps=40, lr=3e-3)
    run.train()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines[-1]["instruction"] < 0.6 * lines[0]["instruction"]
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-38", "checkpoint-40"]
    assert not (tmp_path / ".saving").exists()


def test_examples_are_a_function_of_their_number(models) -> None:
    tokenizer = AutoTokenizer.from_pretrained(models["xglm"])
    sizes = Sizes(pairs=2, instructions=2, parts=2, pair_length=8, length=26)
    examples = Examples(tokenizer, Pairs(), Instructions(), sizes, 5, packs=False)
    last, first = examples[3], examples[0]
    again = Examples(tokenizer, Pairs(), Instructions(), sizes, 5, packs=False)[3]
    assert torch.equal(last[1].pairs.ids, again[1].pairs.ids)
    texts = tokenizer.batch_decode(first[1].pairs.ids, skip_special_tokens=True)
    assert len(texts) == 4
    assert first[0].pairs.ids.shape[1] <= 8
    assert not len(first[0].pairs.places), "pairs are not learnt by heart"
    assert all(rows.ids.shape[1] <= 26 for part in first for rows in part.instructions)


def test_texts_are_one_where_the_model_sees_no_difference(models) -> None:
    """Beyond the cut, or in words that are unknown to it: their vectors are one, too."""
    tokenizer = AutoTokenizer.from_pretrained(models["xglm"])
    examples = Examples(tokenizer, None, None, Sizes(4, 0, pair_length=6), 1, packs=False)
    long, other = (" ".join([WORDS["en"], *[word] * 9]) for word in ("dog", "barks"))
    ids = tokenizer(long)["input_ids"]
    same = next(n for n, both in enumerate(zip(ids, tokenizer(other)["input_ids"], strict=False)) if len(set(both)) > 1)
    for length, equal in ((same, True), (same + 1, False)):
        examples.sizes = Sizes(4, 0, pair_length=length)
        texts = examples.pairs_of([long, other, WORDS["de"], f"{WORDS['de']} der"]).texts
        assert (texts[0] == texts[1]).item() == equal
    examples.sizes = Sizes(4, 0)
    unknown = examples.pairs_of([f"{WORDS['en']} 漢", f"{WORDS['en']} 字", WORDS["de"], WORDS["de"]])
    assert unknown.texts[0] == unknown.texts[1]
    assert torch.equal(unknown.ids[0], unknown.ids[1])


def test_only_the_response_is_learnt_and_its_end(models) -> None:
    tokenizer = AutoTokenizer.from_pretrained(models["xglm"])
    examples = Examples(tokenizer, Pairs(), Instructions(), SIZES, 1, packs=False)
    sample = examples.sample(Instructions()[7])
    learnt = list(sample.ids[sample.start :])
    assert tokenizer.decode(learnt, skip_special_tokens=True).strip() == WORDS["de"]  # digits are unknown to it
    assert learnt[-1] == tokenizer.eos_token_id
    everything = Examples(tokenizer, None, Instructions(), Sizes(0, 1, learn="text", ends=False), 1, packs=False)
    whole = everything.sample(Instructions()[7])
    assert (whole.start, tokenizer.eos_token_id in whole.ids[1:]) == (1, False)


def test_a_text_is_learnt_whole_and_a_long_one_piece_by_piece(models) -> None:
    for name in ("xglm", "llama", "bloom"):
        tokenizer = AutoTokenizer.from_pretrained(models[name])
        examples = Examples(tokenizer, None, None, Sizes(0, 1, length=8), 1, packs=False)
        text = SimpleNamespace(prompt="", response=" ".join([WORDS["de"]] * 5), ends=True)
        whole = Examples(tokenizer, None, None, Sizes(0, 1, length=512), 1, packs=False).sample(text)
        assert whole.start == 1
        pieces = [examples.sample(text, draw) for draw in range(-(-len(whole.ids) // 8))]
        assert [token for piece in pieces for token in piece.ids] == list(whole.ids)
        assert max(len(piece.ids) for piece in pieces) <= 8
        assert examples.sample(text, len(pieces)) == pieces[0]
        assert whole.ids[-1] == tokenizer.eos_token_id
        whole_but_its_end = SimpleNamespace(prompt="", response=text.response, ends=False)
        longer = Examples(tokenizer, None, None, Sizes(0, 1, length=512), 1, packs=False)
        assert list(longer.sample(whole_but_its_end).ids) == list(whole.ids[:-1])


def test_a_loss_that_is_no_number_stops_before_anything_is_saved(models, tmp_path: Path) -> None:
    run = trainer(models["llama"], tmp_path, steps=6)
    run.train()
    before = weights(tmp_path / "checkpoint-6")
    broken = trainer(models["llama"], tmp_path, steps=8)
    with torch.no_grad():
        next(broken.model.model.parameters()).fill_(float("nan"))
    with pytest.raises(TrainingError, match="not a finite number"):
        broken.train()
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-4", "checkpoint-6"]
    after = weights(tmp_path / "checkpoint-6")
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_disk_that_refuses_leaves_the_last_checkpoint_whole(models, tmp_path: Path, monkeypatch) -> None:
    run = trainer(models["llama"], tmp_path, steps=4)
    save = AlignmentTrainer._save

    def full(self, output_dir=None, state_dict=None) -> None:
        save(self, output_dir, state_dict)
        if self.state.global_step == 4:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(AlignmentTrainer, "_save", full)
    with pytest.raises(OutputError, match=r"No space left on device.*last whole checkpoint is .*checkpoint-2"):
        run.train()
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-2"]
    assert not (tmp_path / ".saving").exists()
    assert weights(tmp_path / "checkpoint-2")


@pytest.mark.parametrize("raised", [SafetensorError("I/O error"), Exception("No space left on device"), RuntimeError()])
def test_whatever_a_library_raises_for_a_full_disk_is_one_error(models, tmp_path: Path, monkeypatch, raised) -> None:
    run = trainer(models["llama"], tmp_path, steps=2)

    def full(*_: object) -> None:
        (tmp_path / STAGING).mkdir(exist_ok=True)
        raise raised

    monkeypatch.setattr("xling_bench.training.saving.save_model", full)
    with pytest.raises(OutputError, match=r"cannot write .*checkpoint-2"):
        run.train()
    with pytest.raises(OutputError, match=r"cannot write .*model"):
        run.finish(tmp_path / "model", 2)
    assert not [path for path in tmp_path.iterdir() if path.is_dir() and path.name != BOARD]


def test_weights_that_the_last_update_broke_are_not_saved(models, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"update 2: a loss is not a finite number.*There is no checkpoint yet"):
        trainer(models["xglm"], tmp_path, steps=2, lr=1e30).train()
    assert not checkpoints(tmp_path)


class Long(Instructions):
    """Every third prompt leaves no room for its response."""

    def __getitem__(self, i: int) -> SimpleNamespace:
        found = super().__getitem__(i)
        return SimpleNamespace(prompt=found.prompt * (99 if i % 3 == 0 else 1), response=found.response, ends=True)


@pytest.mark.parametrize("name", ["xglm", "llama"])
def test_a_prompt_that_fills_the_row_gives_way_to_another(models, tmp_path: Path, name: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(models[name])
    sizes = Sizes(pairs=0, instructions=3, length=64)
    examples = Examples(tokenizer, None, Long(), sizes, 2, packs=False)
    for index in range(2):
        rows = examples[index][0].instructions
        assert sum(row.samples for row in rows) == 3
        assert all(len(row.places) for row in rows)
        assert all(torch.equal(a.ids, b.ids) for a, b in zip(rows, examples[index][0].instructions, strict=True))
    with pytest.raises(DataError, match=r"run.length: of 100 instructions drawn, none leaves room .* in 2 tokens"):
        Examples(tokenizer, None, Long(), Sizes(0, 3, length=2), 2, packs=False)[0]


@pytest.mark.parametrize("damage", [b"[1]\n5\n", b'{"step": null}\n', b"\xff\xfe\n", b'{"step": 1, "lo'])
def test_a_damaged_log_loses_its_damaged_lines_only(models, tmp_path: Path, damage: bytes) -> None:
    trainer(models["llama"], tmp_path, steps=2).train()
    log = tmp_path / "log.jsonl"
    lines = log.read_bytes()
    log.write_bytes(lines + damage)
    trainer(tmp_path / "checkpoint-2", tmp_path, steps=2).train(str(tmp_path / "checkpoint-2"))
    assert log.read_bytes() == lines


def test_a_checkpoint_to_be_removed_loses_its_name_first(tmp_path: Path, monkeypatch) -> None:
    for step in (1, 2):
        (tmp_path / f"checkpoint-{step}").mkdir()

    def killed(_path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        rotate(tmp_path, 1)
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-2"]


def test_processes_take_different_items_of_one_data_set(models, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(transformers.TrainingArguments, "world_size", property(lambda _: 2))
    monkeypatch.setattr(transformers.TrainingArguments, "n_gpu", property(lambda _: 4))
    run = trainer(models["llama"], tmp_path, steps=6)
    assert len(run.train_dataset) == 12
    assert run.args._n_gpu == 1, "several accelerators in one process would be DataParallel's"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"evaluate": {"every": 5, "tasks": ["xling_xnli_de"]}}, "evaluate.every: one process measures a whole model"),
        ({"adapter": {"kind": "lora"}}, "adapter.kind: adapters are small"),
    ],
)
def test_what_is_not_done_over_shards_is_refused(settings, message, monkeypatch) -> None:
    data = {"languages": ["en", "de"], "pairs": [{"kind": "moses", "files": {"en": ["a"], "de": ["b"]}}]}
    given = {"name": "x", "model": {"path": "x"}, "data": data, "method": {"instruction_weight": 0.0}, **settings}
    recipe = Recipe.model_validate_json(json.dumps(given), strict=True)
    check_sharding(recipe)
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(UsageError, match="version 2"):
        check_sharding(recipe)
    monkeypatch.setenv("FSDP_VERSION", "2")
    with pytest.raises(UsageError, match=message):
        check_sharding(recipe)
