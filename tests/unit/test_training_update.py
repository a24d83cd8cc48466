"""An update of the weights: what moves, what stays, and where gradients lie."""

import copy

import pytest
import torch
import transformers
from plain_step import CORE, SAMPLES, TEXTS, gradients, model, same

from xling_bench.core.errors import TrainingError
from xling_bench.training.batches import padded, pairs
from xling_bench.training.model import untie
from xling_bench.training.objective import objective
from xling_bench.training.step import AlignmentStep, optimizer, update


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
