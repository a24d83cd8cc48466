"""One step of training against the plain way: the whole model, all its hidden states, every logit of the vocabulary."""

import copy
from functools import cache

import pytest
import torch
import transformers
from architectures import NAMES, random_model
from torch.testing import assert_close

from xling_bench.core.errors import DataError, ModelError, TrainingError, UnsupportedModelError, UsageError
from xling_bench.training.batches import Sample, bins, buckets, packed, padded, pairs
from xling_bench.training.losses.contrastive import contrastive
from xling_bench.training.model import Network, recompute, untie
from xling_bench.training.objective import PAPER, PLAIN, objective
from xling_bench.training.pooling import pool
from xling_bench.training.step import AlignmentStep, Share, optimizer, update
from xling_bench.training.token_losses import token_losses

VOCABULARY = 61
CORE = ("xglm", "bloom", "llama", "qwen2")
PACKING = tuple(name for name in NAMES if name not in ("xglm", "bloom"))
DEPTH = {"xglm": "num_layers", "bloom": "n_layer"}
TEXTS = [[2, 3, 4, 5, 6, 7, 8], [9, 8, 7], [12, 30, 31, 5, 6]], [[5, 6, 7], [4, 4, 9, 10], [40, 41, 42, 43, 44, 45]]
SAMPLES = [Sample([2, 50, 51, 52, 53, 54, 55, 56], 3), Sample([2, 20, 21, 22], 2), Sample([2, 33, 34, 35, 36, 37], 1)]


@cache
def shared(name: str):
    return random_model(name, VOCABULARY)


def model(name: str, **settings):
    """Three layers, so that there is one in the middle; dropout off."""
    off = {"dropout": 0.0, "attention_dropout": 0.0} if name == "xglm" else {}
    return random_model(name, VOCABULARY, **{DEPTH.get(name, "num_hidden_layers"): 3, **off, **settings})


def gradients(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


def same(one: dict, two: dict, rtol: float = 1e-4) -> None:
    """Equal gradients, where zero and none are the same.

    The absolute tolerance is 1e-5 of a tensor's largest, and 5e-7 of the largest of all: XGLM's key biases have a
    gradient of 0 (softmax does not see them), of which rounding makes 1e-8 to 3e-7, by processor.
    """
    floor = 5e-7 * max(float(g.abs().max()) for g in two.values())
    for name in one.keys() | two.keys():
        a, b = torch.broadcast_tensors(*(g.get(name, torch.zeros(())) for g in (one, two)))
        assert_close(a, b, rtol=rtol, atol=1e-5 * float(b.abs().max()) + floor, msg=lambda m, n=name: f"{n}: {m}")


def plain_mcl(network, texts, layer: int, how: str) -> torch.Tensor:
    """-log softmax of cosines / 0.05, from whole forward passes of one sentence each."""
    sides = []
    for side in texts:
        vectors = []
        for ids in side:
            states = network(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states[layer][0]
            vectors.append({"mean": states.mean(0), "max": states.amax(0), "last": states[-1]}[how])
        sides.append(torch.stack(vectors))
    a, p = (side / side.norm(dim=1, keepdim=True) for side in sides)
    scores = (a @ p.T / 0.05).exp()
    return -(scores.diagonal() / scores.sum(1)).log().mean()


def plain_cif(network, samples) -> torch.Tensor:
    """The mean over learnt tokens, from whole forward passes of one sample each and all logits."""
    found = []
    for sample in samples:
        ids = torch.tensor(sample.ids)
        logits = torch.log_softmax(network(input_ids=ids[None]).logits[0], -1)
        found += [-logits[t - 1, ids[t]] for t in range(sample.start, len(ids))]
    return torch.stack(found).mean()


# Hidden states


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("name", NAMES)
def test_states_of_a_layer_are_transformers_own(name, side) -> None:
    network = Network(shared(name))
    tokens, right = pairs(*TEXTS, side=side), pairs(*TEXTS)
    with torch.no_grad():
        want = shared(name)(
            input_ids=right.ids, attention_mask=right.mask.long(), output_hidden_states=True
        ).hidden_states
        for layer in (1, 2, None):
            expected = want[layer or 2][right.mask]
            assert_close(network.states(tokens, layer)[tokens.mask], expected, rtol=1e-4, atol=1e-4)
            with network.ready():
                assert_close(network.states(tokens, layer)[tokens.mask], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", CORE)
def test_only_the_lower_layers_are_run(name) -> None:
    network = model(name)
    ran = []
    layers = getattr(network.base_model, Network(network).layers)
    for number, layer in enumerate(layers, start=1):
        layer.register_forward_hook(lambda *_, n=number: ran.append(n))
    Network(network).states(pairs(*TEXTS), 2)
    assert ran == [1, 2]
    assert len(layers) == 3
    assert all(len(layer._forward_hooks) == 1 for layer in layers)


@pytest.mark.parametrize("layer", [0, 4, -1])
def test_a_layer_out_of_range_names_the_range(layer) -> None:
    with pytest.raises(UsageError, match=f"layers 1 to 3; there is no layer {layer}"):
        AlignmentStep(model("llama"), objective(layer=layer))


def test_the_lower_part_follows_the_models_mode() -> None:
    network = model("xglm", dropout=0.5)
    lower, tokens = Network(network), pairs(*TEXTS)
    assert torch.equal(lower.states(tokens, 1), lower.states(tokens, 1))
    network.train()
    assert not torch.equal(lower.states(tokens, 1), lower.states(tokens, 1))


def test_attention_dropout_is_kept_by_the_fused_attention() -> None:
    network = model("xglm", attention_dropout=0.5).train()
    lower, tokens = Network(network), pairs(*TEXTS)
    with lower.ready():
        assert not torch.equal(lower.states(tokens, 1), lower.states(tokens, 1))


def test_a_layer_that_layerdrop_skips_is_an_error() -> None:
    network = model("xglm", layerdrop=1.0).train()
    with pytest.raises(ModelError, match="train with layerdrop = 0"):
        Network(network).states(pairs(*TEXTS), 1)


def test_a_body_without_its_own_list_of_layers_is_refused() -> None:
    network = random_model("opt", VOCABULARY, ffn_dim=48, word_embed_proj_dim=32, max_position_embeddings=64)
    with pytest.raises(UnsupportedModelError, match="OPTModel should hold its 2 layers in one list"):
        Network(network)


# Gradients


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


# Packing and buckets


def step_gradients(name: str, parts, **settings) -> tuple[float, dict]:
    network = random_model(name, VOCABULARY, **settings)
    step = AlignmentStep(network)
    with step.ready():
        losses = step(None, parts)
        losses.total.backward()
    return float(losses.parts["instruction"]), gradients(network)


@pytest.mark.parametrize("name", PACKING)
def test_packed_samples_are_as_if_alone(name) -> None:
    """Of Gemma, Mistral too, whose layers see a window of five tokens."""
    network = Network(shared(name))
    with torch.no_grad():
        together = network.states(packed([SAMPLES[:2], SAMPLES[2:]], length=14))
        for row, start, sample in ((0, 0, SAMPLES[0]), (0, 8, SAMPLES[1]), (1, 0, SAMPLES[2])):
            alone = network.states(padded([sample]))[0]
            assert_close(together[row, start : start + len(alone)], alone, rtol=1e-4, atol=1e-4)
    rows = [[SAMPLES[i] for i in row] for row in bins([len(s.ids) for s in SAMPLES], 12)]
    assert len(rows) == 2
    loss, got = step_gradients(name, [packed(rows)])
    want_loss, want = step_gradients(name, [padded(SAMPLES)])
    assert loss == pytest.approx(want_loss, rel=1e-4)
    same(got, want, rtol=1e-3)


@pytest.mark.parametrize("name", ["xglm", "bloom"])
def test_models_that_cannot_keep_packed_samples_apart_say_so(name) -> None:
    with pytest.raises(UnsupportedModelError, match=r"does not keep packed samples apart.*`padded`.*`buckets`"):
        AlignmentStep(shared(name))(None, [packed([SAMPLES])])


@pytest.mark.parametrize("name", ["xglm", "bloom", "llama"])
def test_buckets_are_as_one_batch(name) -> None:
    parts = [padded([SAMPLES[i] for i in batch]) for batch in buckets([len(s.ids) for s in SAMPLES], 12, 3)]
    assert [len(part.ids) for part in parts] == [1, 2]
    loss, got = step_gradients(name, parts)
    want_loss, want = step_gradients(name, [padded(SAMPLES)])
    assert loss == pytest.approx(want_loss, rel=1e-4)
    same(got, want)


def test_finding_out_about_packing_leaves_modes_alone() -> None:
    network = model("llama").train()
    network.model.layers[1].eval()
    assert Network(network).packs
    assert [network.model.training, network.model.layers[0].training, network.model.layers[1].training] == [
        True, True, False,
    ]  # fmt: skip


# Objectives of a step


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


# The update


@pytest.mark.parametrize("name", CORE)
def test_large_gradients_stay_in_one_buffer(name) -> None:
    """Of two parts, and again after they were cleared; of more tokens than the model is wide, in torch's way."""
    mine, plain = model(name), model(name)
    step, usual = AlignmentStep(mine, objective(pooling="mean")), AlignmentStep(plain, objective(pooling="mean"))
    weight = mine.get_input_embeddings().weight
    many = [padded(SAMPLES * 5)]
    assert len(many[0].places) > weight.shape[1] > len(padded(SAMPLES).places)
    places = set()
    for _ in range(2):
        step.zero_grad()
        plain.zero_grad()
        for rows in ([padded(SAMPLES)], many):
            with step.ready():
                step(pairs(*TEXTS), rows).total.backward()
            usual(pairs(*TEXTS), rows).total.backward()
        same(gradients(mine), gradients(plain))
        places.add(weight.grad.data_ptr())
    assert len(places) == 1
    assert not weight.grad.is_sparse
    assert not mine.get_input_embeddings().sparse


def test_a_weight_that_nothing_is_learnt_of_has_no_gradient() -> None:
    """An output layer of its own that no loss uses: AdamW's decay would change it."""
    network = model("llama")
    step = AlignmentStep(network)
    with step.ready():
        step(pairs(*TEXTS)).total.backward()
    assert network.lm_head.weight.grad is None
    with step.ready():
        step(None, [padded(SAMPLES)]).total.backward()
    assert network.lm_head.weight.grad is not None


@pytest.mark.parametrize("name", ["xglm", "bloom"])
def test_tied_embeddings_stay_tied_and_weights_move(name) -> None:
    network = model(name)
    before = copy.deepcopy(network.state_dict())
    step = AlignmentStep(network)
    optimiser = optimizer(network, lr=1e-2)
    update(step, optimiser, pairs(*TEXTS), [padded(SAMPLES)])
    assert network.get_input_embeddings().weight is network.get_output_embeddings().weight
    held = [p for group in optimiser.param_groups for p in group["params"]]
    assert len(held) == len({id(p) for p in held}) == len(list(network.parameters()))
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert {name for name, _ in network.named_parameters()} <= moved
    assert optimiser.defaults["fused"]


@pytest.mark.parametrize("name", ["xglm", "bloom"])
def test_an_untied_head_learns_by_itself_and_survives_saving(name, tmp_path) -> None:
    network = model(name)
    untie(network)
    update(AlignmentStep(network), optimizer(network, lr=1e-2), pairs(*TEXTS), [padded(SAMPLES)])
    assert not torch.equal(network.get_input_embeddings().weight, network.get_output_embeddings().weight)
    network.save_pretrained(tmp_path)
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    for want, got in zip(network.state_dict().items(), again.state_dict().items(), strict=True):
        assert want[0] == got[0]
        assert torch.equal(want[1], got[1])


def test_updates_lower_the_loss_and_are_the_same_every_time() -> None:
    found = []
    for _ in range(2):
        network = model("qwen2")
        step, optimiser = AlignmentStep(network), optimizer(network, lr=1e-2)
        found.append(
            [float(update(step, optimiser, pairs(*TEXTS), [padded(SAMPLES)]).total.detach()) for _ in range(8)]
        )
    assert found[0] == found[1]
    assert found[0][-1] < 0.5 * found[0][0]


def test_a_loss_that_is_not_a_number_changes_nothing() -> None:
    network = model("llama")
    with torch.no_grad():
        network.model.embed_tokens.weight[50, 0] = torch.nan
    before = network.model.layers[0].mlp.up_proj.weight.clone()
    with pytest.raises(TrainingError, match=r"not a finite number \(contrastive [\d.]+, instruction nan, total nan\)"):
        update(AlignmentStep(network), optimizer(network), pairs(*TEXTS), [padded(SAMPLES)])
    assert torch.equal(network.model.layers[0].mlp.up_proj.weight, before)


def test_decay_is_for_matrices() -> None:
    matrices, others = optimizer(model("xglm"), weight_decay=0.1).param_groups
    assert (matrices["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    assert {p.dim() for p in matrices["params"]} == {2}
    assert {p.dim() for p in others["params"]} == {1}


def test_an_adapter_is_trained_and_nothing_else() -> None:
    import peft

    network = peft.get_peft_model(model("llama"), peft.LoraConfig(target_modules=["q_proj", "v_proj"], r=2))
    step = AlignmentStep(network, objective(layer=2))
    update(step, optimizer(network, lr=1e-2), pairs(*TEXTS), [padded(SAMPLES)])
    assert {name.split(".")[-3] for name in gradients(network)} == {"lora_A", "lora_B"}
