"""Model folders as people have them: one set of weights, of safetensors beside their index; what a score depends on."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from xling_bench.core.errors import ModelError
from xling_bench.models.config import ModelConfig
from xling_bench.models.contents import INDEX, WEIGHTS, check_adapter, check_model, check_on_hub, decisive
from xling_bench.models.fingerprint import fingerprint

OTHER = "model-00001-of-00003.safetensors"
SHARDS = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]


def index(*names: object) -> str:
    return json.dumps({"weight_map": {f"layer.{i}": name for i, name in enumerate(names)}})


def make(folder: Path, **files: str) -> Path:
    """A folder with these files besides a configuration and a tokenizer; nothing here reads weights."""
    folder.mkdir(parents=True)
    for name, text in {"config.json": "{}", "tokenizer.json": "{}", **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


WHOLE = {INDEX: index(*SHARDS), SHARDS[0]: "1", SHARDS[1]: "2"}


def test_one_set_of_weights_is_taken_however_it_is_cut(tmp_path) -> None:
    check_model(make(tmp_path / "single", **{WEIGHTS: "1"}))
    check_model(make(tmp_path / "shards", **WHOLE))
    check_model(make(tmp_path / "index of one", **{WEIGHTS: "1", INDEX: index(WEIGHTS, WEIGHTS)}))
    check_model(make(tmp_path / "original", **{WEIGHTS: "1", "consolidated.safetensors": "1"}))
    check_model(make(tmp_path / "named", **{WEIGHTS: "1", "config.json": f'{{"transformers_weights": "{WEIGHTS}"}}'}))


@pytest.mark.parametrize(
    ("files", "named"),
    [({**WHOLE, WEIGHTS: "old"}, (*SHARDS, INDEX, "two sets of weights", f"and {WEIGHTS}")),
     ({**WHOLE, OTHER: "old"}, (INDEX, "two sets of weights", OTHER)),
     ({WEIGHTS: "1", OTHER: "old"}, (WEIGHTS, "two sets of weights", OTHER)),
     ({SHARDS[0]: "1"}, (f"has no {INDEX}", SHARDS[0])),
     ({INDEX: WHOLE[INDEX], SHARDS[0]: "1"}, ("lacks", SHARDS[1], INDEX)),
     ({WEIGHTS: "1", "config.json": '{"transformers_weights": "x.safetensors"}'}, ("x.safetensors", "config.json")),
     ({"consolidated.safetensors": "1"}, ("has no weights",)),
     ({WEIGHTS: "1", "adapter_config.json": "{}"}, ("holds a model and an adapter", "--peft"))],
)  # fmt: skip
def test_a_folder_that_is_not_one_model_is_refused_by_the_names_of_its_files(files, named, tmp_path) -> None:
    folder = make(tmp_path / "model", **files)
    with pytest.raises(ModelError) as error:
        ModelConfig(f"hf:{folder}").check()
    assert all(name in str(error.value) for name in (str(folder), *named)), str(error.value)


ELSEWHERE = ["pytorch_model.bin", "../model.safetensors", "/etc/model.safetensors", "sub/model.safetensors", "", ".",
             "..\\m.safetensors", ".m.safetensors", "model.safetensors\n", "model.safetensors/../x.pt"]  # fmt: skip


@pytest.mark.parametrize("name", ELSEWHERE)
def test_an_index_names_nothing_but_safetensors_beside_it(name, tmp_path, monkeypatch) -> None:
    folder = make(tmp_path / "model", **{INDEX: index(SHARDS[0], name), SHARDS[0]: "1"})
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(ModelError) as error:
        check_model(folder)
    assert repr(name) in str(error.value), "escaped: no name reaches the terminal as it is"
    assert INDEX in str(error.value)
    cache = tmp_path / "hub"  # the same of a model that the hub's cache holds
    shutil.copytree(folder, cache / "models--some--body" / "snapshots" / ("a" * 40))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # else each would wait for the hub
    with pytest.raises(ModelError, match=r"expected names of \.safetensors files beside it"):
        check_on_hub("some/body", "a" * 40)


@pytest.mark.parametrize("text", ["[]", "{}", '{"weight_map": {}}', '{"weight_map": {"a": ["b"]}}', "{", "[" * 10**5])
def test_a_damaged_index_is_one_clear_error(text, tmp_path) -> None:
    with pytest.raises(ModelError, match=r"model\.safetensors\.index\.json is damaged"):
        check_model(make(tmp_path / "model", **{INDEX: text, SHARDS[0]: "1"}))


def test_adapters_and_models_are_told_where_they_belong(tmp_path) -> None:
    said = '{"base_model_name_or_path": "some/base"}'
    adapter = make(tmp_path / "adapter", **{"adapter_config.json": said, "adapter_model.safetensors": "1"})
    (adapter / "config.json").unlink()
    check_adapter(adapter)
    with pytest.raises(ModelError, match=r"is an adapter, not a model: give its base .*'some/base'.*--peft"):
        ModelConfig(f"hf:{adapter}").check()
    model = make(tmp_path / "model", **{WEIGHTS: "1"})
    with pytest.raises(ModelError, match="It is a model: give it as --model"):
        ModelConfig(f"hf:{model}", peft=str(model)).check()


BESIDE = [".cache/huggingface/download/model.safetensors.metadata", ".git/HEAD", ".DS_Store", ".gitattributes",
          "original/params.json", "original/tokenizer.model", "checkpoint-5/config.json", "README.md", "LICENSE.txt",
          "USE_POLICY.md", "NOTICE", "trainer_state.json", "training_args.bin", "optimizer.pt", "run.json",
          "figure.png", "pytorch_model.bin", "pytorch_model.bin.index.json", "consolidated.safetensors",
          "model.fp16.safetensors", "onnx/model.onnx", "events.out.tfevents.1.host", "slurm-17.out",
          "slurm-17.err", "CITATION.cff"]  # fmt: skip
INSIDE = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
          "added_tokens.json", "vocab.json", "merges.txt", "tokenizer.model", "spiece.model", "qwen.tiktoken",
          "chat_template.jinja", "additional_chat_templates/tool_use.jinja", "modeling_own.py", *WHOLE]  # fmt: skip


def test_the_fingerprint_knows_what_a_score_depends_on_and_nothing_else(tmp_path) -> None:
    folder = make(tmp_path / "model", **{**dict.fromkeys(INSIDE, "{}"), **WHOLE})
    before = fingerprint(ModelConfig(f"hf:{folder}"))
    for name in BESIDE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("of no account")
    assert fingerprint(ModelConfig(f"hf:{folder}")) == before
    assert {path.relative_to(folder).as_posix() for path in decisive(folder)} == {*INSIDE}
    for name in sorted({*INSIDE} - {INDEX}):
        text = (folder / name).read_text()
        (folder / name).write_text(text + " ")
        assert fingerprint(ModelConfig(f"hf:{folder}")) != before, name
        (folder / name).write_text(text)
    assert fingerprint(ModelConfig(f"hf:{folder}")) == before


def test_an_adapters_fingerprint_is_of_its_configuration_and_weights(tmp_path) -> None:
    model = make(tmp_path / "model", **{WEIGHTS: "1"})
    given = {"adapter_config.json": "{}", "adapter_model.safetensors": "1"}
    adapter = make(tmp_path / "adapter", **given)  # with a tokenizer and a configuration, as trainers leave it
    config = ModelConfig(f"hf:{model}", peft=str(adapter))
    before = fingerprint(config)
    for path in adapter.iterdir():
        text = path.read_text()
        path.write_text(text + " ")
        assert (fingerprint(config) != before) == (path.name in given)
        path.write_text(text)


def test_an_ordinary_folders_fingerprint_is_what_it_was(tmp_path) -> None:
    """Written down with the code before bookkeeping was left out: finished runs are known by it."""
    files = {WEIGHTS: "1", "generation_config.json": "{}", "tokenizer_config.json": "{}", "README.md": "a model"}
    assert fingerprint(ModelConfig(f"hf:{make(tmp_path / 'model', **files)}")) == "53424c95d5be87ff"


@pytest.mark.parametrize("config", [{"num_hidden_layers": 20_000}, {"text_config": {"n_layer": 20_000}}])
def test_more_layers_than_weights_are_refused_before_they_are_built(config, tmp_path) -> None:
    """transformers would build them all first, which takes minutes."""
    folder = make(tmp_path / "model", **{"config.json": json.dumps(config)})
    save_file({f"layer.{i}": np.zeros(1) for i in range(3)}, folder / WEIGHTS)
    with pytest.raises(ModelError, match=r"config\.json says 20,000 layers, but the weights beside it have 3 tensors"):
        check_model(folder)
    for fine in ({"num_hidden_layers": 48}, {"rope_scaling": {"num_layers": 20_000}}):  # they may share tensors
        (folder / "config.json").write_text(json.dumps(fine))
        check_model(folder)
