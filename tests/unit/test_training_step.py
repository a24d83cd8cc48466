"""One step of training against the plain way: the whole model, all its hidden states, every logit of the vocabulary."""

from contextlib import nullcontext

import pytest
import torch
from plain_step import CORE, SAMPLES, TEXTS, gradients, model, plain_cif, plain_mcl, same, shared
from torch.testing import assert_close

from xling_bench.core.errors import DataError, TrainingError, UsageError
from xling_bench.training.batches import Sample, padded, pairs
from xling_bench.training.losses.contrastive import contrastive
from xling_bench.training.model import Network, recompute
from xling_bench.training.objective import PAPER, PLAIN, objective
from xling_bench.training.pooling import pool
from xling_bench.training.step import AlignmentStep, Share
from xling_bench.training.token_losses import token_losses


@pytest.mark.parametrize(("layer", "how"), [(1, "mean"), (1, "last"), (2, "max"), (3, "mean")])
@pytest.mark.parametrize("name", CORE)
def test_losses_and_gradients_are_those_of_the_plain_way(name, layer, how) -> None:
    mine, plain = model(name), model(name)
    step = AlignmentStep(mine, objective(layer=layer, pooling=how), chunk=4)
    with step.ready():
        losses = step(pairs(*TEXTS), [padded(SAMPLES)])
        losses.total.backward()
    mcl, cif = plain_mcl(plain, TEXTS, layer, how), plain_cif(plain, SAMPLES)
    total = mcl + 1.5 * cif
    total.backward()
    assert_close(losses.parts["contrastive"], mcl.detach(), rtol=1e-4, atol=1e-5)
    assert_close(losses.parts["instruction"], cif.detach(), rtol=1e-4, atol=1e-5)
    assert_close(losses.total.detach(), total.detach(), rtol=1e-4, atol=1e-5)
    same(gradients(mine), gradients(plain))


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
@pytest.mark.parametrize("name", CORE)
def test_the_gradient_is_that_of_equation_4_to_the_last_bit(name, dtype) -> None:
    """Written out for the defaults, whatever other losses there are. Autocast is one context: what it casts is kept."""
    mine, plain = model(name), model(name)
    two, cif = pairs(*TEXTS), padded(SAMPLES)
    AlignmentStep(mine, autocast=dtype)(two, [cif]).total.backward()
    network = Network(plain)
    with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
        anchor, positive = pool(network.states(two, 1), two.counted, "last").chunk(2)
        states = network.states(cif).flatten(0, 1)[cif.places]
        terms = contrastive(anchor, positive), token_losses(states, cif.targets, network.head) / len(cif.places)
    torch.stack([1.0 * terms[0], 1.5 * terms[1]]).sum().backward()
    got, want = gradients(mine), gradients(plain)
    assert got.keys() == want.keys()
    assert [key for key in got if not torch.equal(got[key], want[key])] == []


def test_a_loss_of_what_padding_says_has_transformers_own_gradient() -> None:
    """XGLM padded on the left, pooled by count, as AFP's code does: tokens that see nothing. By a fused kernel the
    gradients of queries and keys were tens of times too large."""
    fused, plain = model("xglm"), model("xglm")
    two = pairs(*TEXTS, side="left")
    for network, ready in ((Network(fused), True), (Network(plain), False)):
        with network.ready() if ready else nullcontext():
            vectors = pool(network.states(two, 2), two.mask, "last_by_count")
            (vectors * torch.linspace(-1, 1, vectors.numel()).view_as(vectors)).sum().backward()
    assert not two.mask[range(len(two.mask)), two.mask.sum(1) - 1].all(), "padding is among what is pooled"
    same(gradients(fused), gradients(plain))


@pytest.mark.parametrize("name", CORE)
def test_layers_above_get_no_gradient_from_the_contrastive_part(name) -> None:
    network = model(name)
    step = AlignmentStep(network, objective(layer=2))
    losses = step(pairs(*TEXTS))
    losses.total.backward()
    layers = getattr(step.network.body, step.network.layers)
    assert "instruction" not in losses.parts
    assert [any(p.grad is not None for p in layer.parameters()) for layer in layers] == [True, True, False]
    got = {name for name, p in network.named_parameters() if p.grad is not None}
    assert not any(part in name for name in got for part in ("lm_head", "model.norm", "ln_f", "model.layer_norm"))


@pytest.mark.parametrize("name", CORE)
def test_gradient_checkpointing_changes_nothing(name) -> None:
    found = []
    for checkpointing in (False, True):
        network = model(name).train()
        if checkpointing:
            recompute(network)
        step = AlignmentStep(network, objective(layer=2, pooling="mean"))
        with step.ready():
            step(pairs(*TEXTS), [padded(SAMPLES)]).total.backward()
        found.append(gradients(network))
    same(*found)


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("name", CORE)
def test_bfloat16_autocast_stays_close(name, checkpointing) -> None:
    exact, rounded = model(name).train(), model(name).train()
    if checkpointing:
        recompute(rounded)
    chosen = objective(layer=2, pooling="mean")
    for network, dtype in ((exact, None), (rounded, torch.bfloat16)):
        step = AlignmentStep(network, chosen, autocast=dtype)
        with step.ready():  # padding on the left: tokens that see nothing must not become NaN
            step(pairs(*TEXTS, side="left"), [padded(SAMPLES, side="left")]).check().total.backward()
    one, two = (torch.cat([g.flatten() for g in gradients(network).values()]) for network in (exact, rounded))
    assert two.dtype == torch.float32
    assert float(torch.cosine_similarity(one, two, dim=0)) > 0.98


def test_each_part_alone_and_their_weighted_sum() -> None:
    network = shared("llama")
    two, cif = pairs(*TEXTS), [padded(SAMPLES)]
    step = AlignmentStep(network, objective(contrastive_weight=0.25, instruction_weight=2.0))
    both, left, right = step(two, cif), step(two), step(None, cif)
    assert float(both.total.detach()) == pytest.approx(
        0.25 * float(both.parts["contrastive"]) + 2 * float(both.parts["instruction"])
    )
    assert (left.parts["contrastive"], right.parts["instruction"]) == (
        both.parts["contrastive"],
        both.parts["instruction"],
    )
    assert AlignmentStep(network, objective(contrastive_weight=0.0))(two, cif).parts.keys() == {"instruction"}


def test_the_papers_instruction_loss_sums_a_sample() -> None:
    code, paper = (
        AlignmentStep(shared("llama"), which)(None, [padded(SAMPLES)]).parts["instruction"] for which in (PLAIN, PAPER)
    )
    assert float(paper) == pytest.approx(float(code) * (5 + 2 + 5) / 3, rel=1e-5)


def test_two_calls_with_a_common_divisor_are_one_batch() -> None:
    step = AlignmentStep(model("llama"))
    for sample in SAMPLES:
        step(None, [padded([sample])], shares={"instruction": Share(divisor=12)}).total.backward()
    same(gradients(step.model), one_step("llama"))


def one_step(name: str) -> dict:
    network = model(name)
    AlignmentStep(network)(None, [padded(SAMPLES)]).total.backward()
    return gradients(network)


def test_special_tokens_may_be_left_out_of_a_vector() -> None:
    network = Network(shared("llama"))
    tokens = pairs(*TEXTS, skip=[2])
    with torch.no_grad():
        states = network.states(tokens, 1)
    assert_close(pool(states, tokens.counted, "mean")[0], states[0, 1:].mean(0))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda s: s(None), TrainingError, "neither pairs nor instructions"),
        (lambda s: s(None, [padded([Sample([1, 2], 2)])]), TrainingError, "None of the batch's 1 samples has a token"),
        (lambda s: s(padded([Sample([1])])), DataError, r"rows i and B \+ i of 2B, got 1 rows"),
        (
            lambda s: objective(instruction_weight=-1.0),
            UsageError,
            "instruction_weight: .* greater than or equal to 0, got -1.0",
        ),
        (
            lambda s: objective(contrastive_weight=float("nan")),
            UsageError,
            "contrastive_weight: .* a finite number, got NaN",
        ),
    ],
)
def test_a_step_refuses(call, error, message) -> None:
    with pytest.raises(error, match=message):
        call(AlignmentStep(shared("llama")))
