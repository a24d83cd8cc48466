"""`mode = "code"` against a step of AFP's code, written here after a description of it and sharing nothing with ours.

The description: AFP at commit 744a46e, src/train.py (`prepare_features`, the collator and its `clm_tokens_block`) and
src/decoder_models.py (`Pooler`, `cl_forward`); deepspeed 0.10.0's `WarmupDecayLR`.
"""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close
from transformers import AutoModelForCausalLM, AutoTokenizer

from xling_bench.training.corpora.templates import template
from xling_bench.training.corpora.texts import Pair, translation_of
from xling_bench.training.examples import Examples, Sizes
from xling_bench.training.model import untie
from xling_bench.training.objective import objective
from xling_bench.training.recipe import resolve
from xling_bench.training.schedules import scheduler
from xling_bench.training.step import AlignmentStep, Share

PAIRS = [
    ("The dog barks.", "Der Hund bellt laut in der Nacht, und der Wind auch."),
    ("Yes, right?", "Ja."),
    ("It is a cause of the question.", "Es ist so."),
    ("The dog barks.", "Ein Hund."),  # a text that another pair has, too
]
TASKS = [
    ("The cat sleeps Answer in German:", " die Katze"),
    ("Why? because Answer in English:", " so it is, and so on"),
    ("A premise, right? Answer in German:", " nein, das ist nicht so"),
]
BLOCK = 40  # of tokens; both --max_seq_length and --clm_block_size, which the scripts set to 512
POOLINGS = {"last": "last_by_count", "mean": "mean", "max": "max_with_zeros"}  # AFP's last-l, avg-l, max-l


class Numbered:
    """Draws by number, from a list."""

    def __init__(self, rows, *fields: str) -> None:
        self.rows, self.fields = rows, fields

    def __getitem__(self, i: int) -> SimpleNamespace:
        return SimpleNamespace(ends=True, **dict(zip(self.fields, self.rows[i % len(self.rows)], strict=True)))


# AFP's step


def afp_pairs(tokenizer, rows) -> tuple[torch.Tensor, torch.Tensor]:
    """(2 * bs, T): source and target of the first, of the second, ..."""
    flat = [tokenizer(text, max_length=512, truncation=True) for pair in rows for text in pair]
    found = tokenizer.pad([{k: f[k] for k in ("input_ids", "attention_mask")} for f in flat], return_tensors="pt")
    return found["input_ids"], found["attention_mask"]


def afp_blocks(tokenizer, rows) -> tuple[torch.Tensor, torch.Tensor]:
    """Blocks and their labels."""
    stream, wanted = [], []
    for prompt, response in rows:
        text, begin = (tokenizer(t, max_length=BLOCK, truncation=True).input_ids for t in (prompt + response, prompt))
        same = 0
        while same < min(len(text), len(begin)) and text[same] == begin[same]:
            same += 1
        stream += text
        wanted += [0] * same + [1] * (len(text) - same)
    size = len(stream)
    if size >= BLOCK:
        size -= size % BLOCK
    ids, labels = [], []
    for start in range(0, size, BLOCK):
        block, want = stream[start : min(start + BLOCK, size)], wanted[start : min(start + BLOCK, size)]
        row = [t if w or t in (tokenizer.bos_token_id, tokenizer.eos_token_id) else -100
               for t, w in zip(block, want, strict=True)]  # fmt: skip
        if all(label == -100 for label in row[1:]):
            row[-1] = block[-1]
        ids.append(block)
        labels.append(row)
    return torch.tensor(ids), torch.tensor(labels)


def afp_loss(model, tokenizer, rows, tasks, layer: int, pooling: str) -> tuple[torch.Tensor, torch.Tensor]:
    """MCL and CIF of a device batch."""
    ids, mask = afp_pairs(tokenizer, rows)
    body = model.base_model
    states = body(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states[layer]
    if pooling == "last":
        vectors = torch.stack([states[n, int(mask[n].sum()) - 1] for n in range(len(states))])
    elif pooling == "mean":
        vectors = (states * mask[:, :, None]).sum(1) / mask.sum(1)[:, None]
    else:
        vectors = (states * mask[:, :, None]).max(1)[0]
    one, two = vectors.view(len(rows), 2, -1).unbind(1)
    cosines = torch.nn.functional.cosine_similarity(one[:, None], two[None], dim=-1) / 0.05
    mcl = torch.nn.functional.cross_entropy(cosines, torch.arange(len(rows)))
    blocks, labels = afp_blocks(tokenizer, tasks)
    logits = model.lm_head(body(input_ids=blocks).last_hidden_state)[:, :-1]
    cif = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten())
    return mcl, cif


# Ours


def loaded(folder: Path, side: str):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    untie(model)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.padding_side = side
    return model.train(), tokenizer


def examples(tokenizer, run, rows, tasks, parts: int = 1) -> Examples:
    """A run's, as a recipe in mode code sets it, but for the length of blocks."""
    sizes = Sizes(
        len(rows) // parts, len(tasks) // parts, parts, run.pair_length, BLOCK, ends=run.ends, rows=run.rows,
        label_special=run.label_special, padding=run.padding,
    )  # fmt: skip
    return drawn(tokenizer, rows, tasks, sizes)


def drawn(tokenizer, rows, tasks, sizes: Sizes) -> Examples:
    streams = Numbered(rows, "source", "target"), Numbered(tasks, "prompt", "response")
    return Examples(tokenizer, *streams, sizes, 1, packs=False)


def gradients(model) -> dict[str, torch.Tensor]:
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def same(one: dict, two: dict) -> None:
    floor = 1e-6 * max(float(g.abs().max()) for g in two.values())
    assert one.keys() == two.keys()
    for name, want in two.items():
        assert_close(one[name], want, rtol=1e-4, atol=1e-5 * float(want.abs().max()) + floor, msg=name)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """What `mode = "code"` makes of a recipe that says nothing else."""
    path = tmp_path_factory.mktemp("recipe") / "afp.toml"
    path.write_text('method = "afp-code"\n[model]\npath = "x"\n[data]\nlanguages = ["en", "de"]\ntranslation = true\n'
                    '[[data.pairs]]\nkind = "moses"\nfiles = { en = "a", de = "b" }\n', encoding="utf-8")  # fmt: skip
    return resolve(str(path))


@pytest.mark.parametrize("tasks", [TASKS[:1], TASKS], ids=["one", "glued"])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize(
    ("name", "side"), [("xglm", "right"), ("bloom", "left"), ("llama", "left"), ("llama", "right")]
)
def test_a_step_in_mode_code_is_that_of_afps_code(models, recipe, name, side, pooling, tasks) -> None:
    (mine, tokenizer), (theirs, _) = loaded(models[name], side), loaded(models[name], side)
    layer = 2 if pooling == "max" else 1
    step = AlignmentStep(mine, objective(mode="code", layer=layer, pooling=POOLINGS[pooling]))
    part = examples(tokenizer, recipe.run, PAIRS, tasks)[0][0]  # on the left, the last of most is another token
    with step.ready():
        losses = step(part.pairs, part.instructions)
        losses.total.backward()
    mcl, cif = afp_loss(theirs, tokenizer, PAIRS, tasks, layer, pooling)
    (mcl + 1.5 * cif).backward()
    assert (len(part.instructions[0].ids) > 1) == (len(tasks) > 1), "several blocks, or one short row"
    assert_close(losses.parts["contrastive"], mcl.detach(), rtol=1e-5, atol=1e-6)
    assert_close(losses.parts["instruction"], cif.detach(), rtol=1e-5, atol=1e-6)
    same(gradients(mine), gradients(theirs))


def test_an_update_of_parts_is_a_mean_of_means(models, recipe) -> None:
    """The parts have numbers of tokens of their own, which AFP's code does not weigh."""
    rows, tasks = PAIRS, TASKS[1:]
    (mine, tokenizer), (theirs, _) = loaded(models["xglm"], "right"), loaded(models["xglm"], "right")
    chosen = recipe.method.objective()
    step, batch = AlignmentStep(mine, chosen), examples(tokenizer, recipe.run, rows, tasks, parts=2)[0]
    assert [loss.count(part.instructions) for part in batch for loss in chosen.needing("instructions")] == [None, None]
    for part in batch:
        step(part.pairs, part.instructions, shares={loss.name: Share(0.5) for loss in step.losses}).total.backward()
    for n in range(2):
        mcl, cif = afp_loss(theirs, tokenizer, rows[2 * n : 2 * n + 2], tasks[n : n + 1], 1, "last")
        ((mcl + 1.5 * cif) / 2).backward()
    same(gradients(mine), gradients(theirs))


def test_plain_is_another_step(models, recipe) -> None:
    """What the comparison above would not see if both sides ignored the settings."""
    for name, side in (("xglm", "right"), ("llama", "left")):
        model, tokenizer = loaded(models[name], side)
        part = examples(tokenizer, recipe.run, PAIRS, TASKS)[0][0]
        code = AlignmentStep(model, objective(mode="code", pooling="mean"))(part.pairs, part.instructions).parts
        sizes = Sizes(len(PAIRS), len(TASKS), length=BLOCK)
        plain = drawn(tokenizer, PAIRS, TASKS, sizes)[0][0]
        other = AlignmentStep(model, objective(pooling="mean"))(plain.pairs, plain.instructions).parts
        assert all(abs(float(code[key] - other[key])) > 1e-3 for key in code), (name, code, other)


def test_what_mode_code_sets_beside_the_losses(recipe) -> None:
    assert (recipe.model.untie, recipe.run.schedule, recipe.data.template) == (True, "log_warmup", "afp")
    pair = Pair("1", "The dog barks.", "Pes laja.", "en", "sl")
    assert translation_of(template("afp"), pair, 0).filled().prompt == "The dog barks. Translate into Slovene: "
    assert translation_of(template("alpaca"), pair, 0).filled().prompt.count("Slovenian") == 1


def test_log_warmup_is_deepspeeds() -> None:
    """WarmupDecayLR of 0.10.0, total_num_steps 100, warmup_num_steps 3: applied after each update only."""
    weight = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.AdamW([weight], lr=2.0)
    rates, schedule = [], scheduler("log_warmup", optimiser, 3, 100)
    for _ in range(100):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    want = [2.0, 0.0, 2 * math.log(2) / math.log(3), 2.0, 2.0, 2 * 96 / 97]
    assert rates[:6] == pytest.approx(want)
    assert rates[-1] == pytest.approx(2 * 2 / 97)
