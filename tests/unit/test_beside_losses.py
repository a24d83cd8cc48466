"""Losses with a margin, a queue, a teacher or the frozen base: by hand, by another library, by a plain model."""

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from architectures import random_model
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy, log_softmax, normalize
from torch.testing import assert_close
from transformers import AutoModelForCausalLM, AutoTokenizer

from xling_bench.core.errors import ModelError, UsageError
from xling_bench.training.batches import Sample, padded, pairs
from xling_bench.training.examples import Examples, Sizes
from xling_bench.training.loop import AlignmentTrainer
from xling_bench.training.losses.contrastive import contrastive
from xling_bench.training.objective import objective
from xling_bench.training.pace import Run
from xling_bench.training.pooling import pool
from xling_bench.training.references import References
from xling_bench.training.saving import KEPT
from xling_bench.training.step import AlignmentStep, optimizer, update

VOCABULARY = 61
TEXTS = [[2, 3, 4, 5, 6, 7, 8], [9, 8, 7], [12, 30, 31, 5, 6]], [[5, 6, 7], [4, 4, 9, 10], [40, 41, 42, 43, 44, 45]]
OTHERS = [[7, 6, 5, 4], [20, 21], [13, 14, 15]], [[31, 32, 33], [9, 8, 7, 6, 5], [44, 45]]
SAMPLES = [Sample([2, 50, 51, 52, 53, 54, 55, 56], 3), Sample([2, 20, 21, 22], 2), Sample([2, 33, 34, 35, 36, 37], 1)]


def model(name: str = "llama"):
    return random_model(name, VOCABULARY, **({"num_hidden_layers": 3} if name == "llama" else {}))


def alone(**method):
    """One loss by itself."""
    return objective(contrastive_weight=0, instruction_weight=0, **method)


def pooled(network, ids: list[int], layer: int) -> torch.Tensor:
    return network(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[layer][0].mean(0)


def moved(network: torch.nn.Module) -> set[str]:
    return {name for name, p in network.named_parameters() if p.grad is not None and float(p.grad.abs().max()) > 0}


# Additive margin


def test_the_margin_is_taken_from_the_translations_cosine_only() -> None:
    """Of cosines 0.6, 0, 0.8, 1 over 0.2: 3, 0, 4, 5; a margin of 0.2 takes 1 from the first and the last."""
    a, p = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[0.3, 0.4], [0.0, 5.0]])
    got = contrastive(a, p, temperature=0.2, margin=0.2)
    assert float(got) == pytest.approx((0.1269280 + 0.6931472) / 2, abs=1e-6)  # log(1 + e^-2), log(1 + e^0)


def test_labse_is_sentence_transformers_ranking_both_ways_with_the_margin_in_its_similarity() -> None:
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    def less(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return normalize(a, dim=1) @ normalize(b, dim=1).T - 0.3 * torch.eye(len(a))

    network, rows = model(), pairs(*TEXTS)
    step = AlignmentStep(network, alone(labse_weight=1, labse_layer=2))
    both = [torch.stack([pooled(network, ids, 2) for ids in side]) for side in TEXTS]
    oracle = MultipleNegativesRankingLoss(
        None, scale=20.0, similarity_fct=less, directions=("query_to_doc", "doc_to_query"),
        partition_mode="per_direction",
    )  # fmt: skip
    want = oracle.compute_loss_from_embeddings(both, None)
    assert_close(step(rows).total, want, rtol=1e-4, atol=1e-5)


# Squared distances


@pytest.mark.parametrize("turned", [False, True])
def test_both_sides_learn_the_bases_vector_of_the_pivot_side(turned: bool) -> None:
    """sentence-transformers' MSELoss of the two sides, whichever of them is in the pivot language."""
    from sentence_transformers.sentence_transformer.losses import MSELoss

    network = model()
    rows = pairs(*TEXTS)
    pivots = torch.tensor([3, 1, 5]) if turned else torch.arange(3)
    texts = [*TEXTS[0], *TEXTS[1]]
    step = AlignmentStep(network, alone(distillation_weight=1, distillation_layer=2, distillation_teacher_layer=3))
    with torch.no_grad():
        base = copy.deepcopy(network)
        for parameter in network.parameters():
            parameter.add_(0.01)
    truth = torch.stack([pooled(base, texts[row], 3) for row in pivots])
    mine = [torch.stack([pooled(network, ids, 2) for ids in side]) for side in TEXTS]
    want = MSELoss(SimpleNamespace())
    found = step(replace(rows, pivots=pivots) if turned else rows)
    features = iter(mine)
    want.model = lambda _: {"sentence_embedding": next(features)}
    assert_close(found.total, want.forward([{}, {}], truth), rtol=1e-4, atol=1e-6)
    found.total.backward()
    assert moved(network)
    assert not any(p.requires_grad for p in step.network.references.base().network.body.parameters())


def test_xeroalign_is_the_mean_squared_distance_of_both_sides() -> None:
    network = model()
    one, other = (torch.stack([pooled(network, ids, 1) for ids in side]) for side in TEXTS)
    step = AlignmentStep(network, alone(xeroalign_weight=1))
    assert_close(step(pairs(*TEXTS)).total, torch.nn.functional.mse_loss(one, other), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("layers", "sides"), [("one", "pivot"), ("all", "both")])
def test_l2_is_the_squared_distance_of_each_tokens_states(layers: str, sides: str) -> None:
    network = model()
    step = AlignmentStep(
        network, alone(l2_to_base_weight=1, l2_to_base_layer=3, l2_to_base_layers=layers, l2_to_base_sides=sides)
    )
    assert float(step(pairs(*TEXTS)).total.detach()) == 0
    base = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.1)
    texts = [*TEXTS[0], *(TEXTS[1] if sides == "both" else [])]
    wanted = (1, 2, 3) if layers == "all" else (3,)
    far = []
    for layer in wanted:
        states = [
            [m(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[layer][0] for ids in texts]
            for m in (network, base)
        ]
        now, then = (torch.cat(each) for each in states)
        far.append(torch.nn.functional.mse_loss(now, then))
    found = step(pairs(*TEXTS)).total
    assert_close(found, torch.stack(far).mean(), rtol=1e-4, atol=1e-6)
    found.backward()
    assert moved(network)


# Divergence


@pytest.mark.parametrize("name", ["llama", "gemma2", "xglm", "bloom"])
def test_kl_is_that_of_all_logits(name: str) -> None:
    mine, plain = model(name), model(name)
    base = copy.deepcopy(plain)
    step = AlignmentStep(mine, alone(kl_to_base_weight=1), chunk=3)
    with torch.no_grad():
        for network in (mine, plain):
            for number, parameter in enumerate(network.parameters()):
                parameter.mul_(1 + 0.2 * (number % 3))
    losses = step(None, [padded(SAMPLES[:2]), padded(SAMPLES[2:])])
    losses.total.backward()
    terms = []
    for sample in SAMPLES:
        ids = torch.tensor([list(sample.ids)])
        new, old = (log_softmax(m(input_ids=ids).logits[0].float(), -1) for m in (plain, base))
        terms += [(old[t].exp() * (old[t] - new[t])).sum() for t in range(sample.start - 1, len(sample.ids) - 1)]
    want = torch.stack(terms).mean()
    want.backward()
    assert float(want.detach()) > 0.005
    assert_close(losses.total.detach(), want.detach(), rtol=1e-3, atol=1e-5)
    for (key, one), two in zip(mine.named_parameters(), plain.parameters(), strict=True):
        limit = 1e-4 * float(two.grad.abs().max()) + 1e-5
        assert_close(one.grad, two.grad, rtol=1e-3, atol=limit, msg=lambda m, k=key: f"{k}: {m}")


# The queue


def plain_momentum(network, slow, queue: list, batch, *, rate: float, size: int):
    """MoCo's step from whole models: the loss, and afterwards what changes."""
    q, k = (normalize(torch.stack([pooled(m, ids, 2) for ids in side]), dim=1) for m, side in
            zip((network, slow), batch, strict=True))  # fmt: skip
    k = k.detach()
    rows = []
    for i, ids in enumerate(batch[1]):
        candidates = [k[i], *(k[j] for j in range(len(k)) if batch[1][j] != ids), *(v for t, v in queue if t != ids)]
        rows.append(cross_entropy((torch.stack(candidates) @ q[i] / 0.1)[None], torch.tensor([0])))

    def after() -> list:
        with torch.no_grad():
            for mine, theirs in zip(slow.parameters(), network.parameters(), strict=True):
                mine.mul_(rate).add_(theirs, alpha=1 - rate)
        return [*zip(batch[1], k, strict=True), *queue][:size]

    return torch.stack(rows).mean(), after


def test_the_queue_is_mocos() -> None:
    """Four updates against whole models and a list: losses, negatives of the batch and of before, the oldest leave."""
    mine, plain = model(), model()
    slow, queue = copy.deepcopy(plain), []
    method = {"momentum_weight": 1, "momentum_layer": 2, "momentum_temperature": 0.1, "momentum_queue": 5,
              "momentum_rate": 0.9}  # fmt: skip
    step = AlignmentStep(mine, alone(**method))
    optimisers = [torch.optim.SGD(network.parameters(), lr=0.05) for network in (mine, plain)]
    for batch in (TEXTS, OTHERS, TEXTS, (OTHERS[1], TEXTS[1])):
        got = update(step, optimisers[0], pairs(*batch), clip=1e9).total
        want, after = plain_momentum(plain, slow, queue, batch, rate=0.9, size=5)
        optimisers[1].zero_grad()
        want.backward()
        optimisers[1].step()
        queue = after()
        assert_close(got.detach(), want.detach(), rtol=1e-4, atol=1e-5)
    assert len(step.kept()["momentum/keys"]) == 5
    with torch.no_grad():  # looking changes nothing
        before = step.kept()["momentum/keys"]
        step(pairs(*TEXTS))
        step.updated()
        assert torch.equal(step.kept()["momentum/keys"], before)


class Drawn:
    """Pairs and instructions that name their number."""

    def __getitem__(self, i: int) -> SimpleNamespace:
        n = i % 6
        words = f"the dog barks {'abcdef'[n]}", f"der Hund bellt {'qrstuv'[n]}"
        return SimpleNamespace(
            source=words[0],
            target=words[1],
            target_language="de",
            prompt=words[0],
            response=f" {words[1]}",
            ends=True,
        )


def trainer(source: Path, folder: Path) -> AlignmentTrainer:
    network = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32, attention_dropout=0.1)
    base = AutoModelForCausalLM.from_pretrained(folder.parent / "base", dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(source)
    beside = References(network, lambda _: (copy.deepcopy(base), tokenizer))
    method = alone(momentum_weight=1, distillation_weight=1, kl_to_base_weight=1, momentum_rate=0.5, momentum_queue=7)
    step = AlignmentStep(network, method, references=beside)
    sizes = Sizes(pairs=3, instructions=2, parts=2)
    examples = Examples(tokenizer, Drawn(), Drawn(), sizes, 8, packs=step.network.packs, pivot="de")
    return AlignmentTrainer(step, examples, tokenizer, folder, Run(steps=8, lr=1e-3, save_every=2, log_every=1, keep=0))


def test_what_losses_keep_goes_on_with_a_run(models, tmp_path: Path) -> None:
    """A queue, a slow copy and the base of a run that goes on: the same bits as of one that never stopped."""
    shutil.copytree(models["llama"], tmp_path / "base")
    trainer(tmp_path / "base", tmp_path / "a").train()
    (tmp_path / "b").mkdir()
    shutil.copytree(tmp_path / "a" / "checkpoint-4", tmp_path / "b" / "checkpoint-4")
    held = load_file(tmp_path / "b" / "checkpoint-4" / KEPT)
    assert held["momentum/keys"].shape == (7, 32)
    trainer(tmp_path / "b" / "checkpoint-4", tmp_path / "b").train(str(tmp_path / "b" / "checkpoint-4"))
    for name in ("model.safetensors", KEPT):
        a, b = (load_file(tmp_path / run / "checkpoint-6" / name) for run in "ab")
        assert [key for key in a if not torch.equal(a[key], b[key])] == [], name
    logs = [(tmp_path / run / "log.jsonl").read_text(encoding="utf-8").splitlines() for run in "ab"]
    assert logs[1] == logs[0][4:]
    assert {"momentum", "distillation", "kl_to_base"} < json.loads(logs[0][0]).keys()
    assert not any(KEPT in path.name for path in (tmp_path / "a").glob("model/*"))
    (tmp_path / "b" / "checkpoint-4" / KEPT).unlink()
    with pytest.raises(ModelError, match="checkpoint-4 is damaged"):
        trainer(tmp_path / "b" / "checkpoint-4", tmp_path / "b").train(str(tmp_path / "b" / "checkpoint-4"))


# What losses share


def test_losses_of_the_same_rows_and_layer_share_a_forward_pass() -> None:
    network, ran = model(), []
    network.model.layers[0].register_forward_hook(lambda *_: ran.append(1))
    weights = {"labse_weight": 1, "xeroalign_weight": 1}
    separately = [AlignmentStep(network, alone(**{key: 1}))(pairs(*TEXTS)).total for key in weights]
    ran.clear()
    together = AlignmentStep(network, alone(**weights))(pairs(*TEXTS))
    assert len(ran) == 1
    assert_close(together.total, sum(separately))


def test_a_copy_has_the_lower_layers_and_follows() -> None:
    network = model()
    step = AlignmentStep(network)
    other, rows = step.network.copied(2), pairs(*TEXTS)
    before = other.states(rows, 2)
    assert len(other.body.layers) == 2
    assert not any(p.requires_grad for p in other.body.parameters())
    update(step, optimizer(network, lr=1e-2), rows, [padded(SAMPLES)])
    assert torch.equal(other.states(rows, 2), before)
    other.follow(step.network, 2, 0.25)
    assert not torch.equal(other.states(rows, 2), before)
    other.follow(step.network, 2, 0.0)
    assert_close(other.states(rows, 2), step.network.states(rows, 2).detach(), rtol=1e-5, atol=1e-6)


def test_a_teacher_reads_the_sentences_in_its_own_tokens(models) -> None:
    """XGLM's tokenizer puts </s> before every text, which no vector counts."""
    tokenizer = AutoTokenizer.from_pretrained(models["llama"])
    network = AutoModelForCausalLM.from_pretrained(models["llama"], dtype=torch.float32)
    taught = AutoModelForCausalLM.from_pretrained(models["xglm"], dtype=torch.float32)

    def of(named):
        return Examples(named, Drawn(), None, Sizes(3, 0), 1, packs=False, pivot="de")

    def load(path):
        return taught, AutoTokenizer.from_pretrained(path)

    beside = References(network, load, lambda named, texts: of(named).pairs_of(texts))
    method = alone(distillation_weight=1, distillation_teacher=str(models["xglm"]), distillation_sides="other")
    (part,) = of(tokenizer)[0]
    assert part.pairs.sentences[3].startswith("der Hund")
    assert part.pairs.pivots.tolist() == [3, 4, 5]
    found = AlignmentStep(network, method, references=beside)(part.pairs).total
    own = of(AutoTokenizer.from_pretrained(models["xglm"])).pairs_of(part.pairs.sentences)
    states = taught(input_ids=own.ids, attention_mask=own.mask, output_hidden_states=True).hidden_states[1]
    truth = pool(states, own.counted, "mean")[3:]
    mine = pool(AlignmentStep(network).network.states(part.pairs, 1), part.pairs.counted, "mean")[:3]
    assert_close(found, (mine - truth).square().mean(), rtol=1e-4, atol=1e-6)
    with pytest.raises(UsageError, match="only a run of `xling-bench train` loads one"):
        AlignmentStep(network, method)
