"""GGUF files: what is read is what was written, and a file that cannot be used says why."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from tinygguf import make_llama, make_tokenizer, write_gguf

from xling_bench.core.errors import ModelError, UsageError
from xling_bench.models import gguf_header
from xling_bench.models.config import ModelConfig
from xling_bench.models.fingerprint import fingerprint
from xling_bench.models.load import end_token, load

TEXT = "In 1984  a man\n\n12 sleeps. मौसम 7 है"


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return make_tokenizer()


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    return make_llama(len(tokenizer))


@pytest.fixture(scope="module")
def file(model: Any, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_gguf(tmp_path_factory.mktemp("gguf") / "tiny.gguf", model, tokenizer)


def loaded(path: Path, **settings: Any) -> Any:
    config = ModelConfig(f"gguf:{path}", device="cpu", **settings)
    config.check()
    return load(config)


def logits(model: Any, ids: list[int]) -> Any:
    import torch

    with torch.no_grad():
        return model(torch.tensor([ids])).logits


def test_a_file_gives_the_model_and_tokenizer_it_was_made_of(file, model, tokenizer) -> None:
    import torch

    lm = loaded(file)
    assert lm.model.dtype == torch.float32
    assert lm.provenance()["backend"] == "shared-prefix"
    assert lm.notes == ()
    assert len(lm.tokenizer) == len(tokenizer) == lm.model.config.vocab_size
    ids = tokenizer(TEXT)["input_ids"]
    assert lm.tok_encode(TEXT) == ids
    assert lm.tokenizer.decode(ids) == TEXT
    assert torch.equal(logits(lm.model, ids), logits(model, ids))
    assert loaded(file, dtype="bfloat16").model.dtype == torch.bfloat16


def test_quantised_weights_are_those_that_gguf_dequantises(model, tokenizer, tmp_path) -> None:
    import gguf
    import torch

    path = write_gguf(tmp_path / "q8.gguf", model, tokenizer, quantise=gguf.GGMLQuantizationType.Q8_0)
    lm = loaded(path)
    written = next(one for one in gguf.GGUFReader(path).tensors if one.name == "blk.1.ffn_up.weight")
    expected = torch.from_numpy(gguf.dequantize(written.data, written.tensor_type).copy())
    assert torch.equal(lm.model.model.layers[1].mlp.up_proj.weight, expected)
    assert not torch.equal(expected, model.model.layers[1].mlp.up_proj.weight)
    assert gguf_header.check_file(str(path)).quantisation == "Q8_0"
    assert gguf_header.check_file(str(path)).mixture == "Q8_0 16, F32 5"


def test_llama_3s_scaled_rotation_is_read(tokenizer, tmp_path) -> None:
    import torch

    model = make_llama(len(tokenizer), scaled=True)
    half = model.config.head_dim // 2
    plain = 1.0 / 10000.0 ** (torch.arange(half) / half)
    factors = (plain / model.model.rotary_emb.inv_freq).float().numpy()
    assert factors.max() == pytest.approx(8.0)
    path = write_gguf(tmp_path / "scaled.gguf", model, tokenizer, extra={"rope_freqs.weight": factors})
    ids = list(range(3, 200))
    torch.testing.assert_close(logits(loaded(path).model, ids), logits(model, ids), rtol=0, atol=1e-4)


def test_a_file_that_wants_a_first_token_gets_it(model, tokenizer, tmp_path) -> None:
    lm = loaded(write_gguf(tmp_path / "bos.gguf", model, tokenizer, keys=[("add_add_bos_token", True)]))
    assert lm.tok_encode("a") == [1, *tokenizer("a")["input_ids"]]
    assert lm.prefix_token_id == 1


def test_generation_ends_at_every_end_token_of_the_file(model, tokenizer, tmp_path) -> None:
    lm = loaded(write_gguf(tmp_path / "eot.gguf", model, tokenizer, keys=[("add_eot_token_id", 5)]))
    assert lm.model.generation_config.eos_token_id == [2, 5]


def test_an_unknown_way_to_cut_texts_is_said(model, tokenizer, tmp_path) -> None:
    lm = loaded(write_gguf(tmp_path / "cut.gguf", model, tokenizer, keys=[("add_tokenizer_pre", "invented")]))
    assert any("'invented'" in note and "as GPT-2" in note for note in lm.notes)


def test_the_fingerprint_is_the_contents(file, tmp_path) -> None:
    copy = tmp_path / "other-name.gguf"
    content = file.read_bytes()
    copy.write_bytes(content)
    assert fingerprint(ModelConfig(f"gguf:{copy}")) == fingerprint(ModelConfig(f"gguf:{file}"))
    copy.write_bytes(content[:-4] + b"\0\0\0\1")
    assert fingerprint(ModelConfig(f"gguf:{copy}")) != fingerprint(ModelConfig(f"gguf:{file}"))
    assert end_token(ModelConfig(f"gguf:{file}")) == "</s>"


def refused(path: Path | str, **settings: Any) -> str:
    with pytest.raises((ModelError, UsageError)) as error:
        loaded(path, **settings)
    return str(error.value)


def test_what_cannot_be_used_is_refused_by_name(file, tmp_path) -> None:
    assert "does not exist" in refused(tmp_path / "none.gguf")
    assert "takes one file" in refused(file.parent)
    assert "It holds tiny.gguf." in refused(file.parent)
    content = file.read_bytes()
    cases = {
        "a.gguf": (b"PK\3\4" + content[4:], "is no GGUF file"),
        "empty.gguf": (b"", "is no GGUF file"),
        "head.gguf": (content[:300], "its head cannot be read"),
        "short.gguf": (content[: len(content) // 2], f"has {len(content) // 2} bytes of {len(content)}"),
        "v1.gguf": (content[:4] + struct.pack("<I", 1) + content[8:], "GGUF version 1"),
        "m-00001-of-00003.gguf": (content, "one part of a split GGUF file"),
    }
    for name, (written, expected) in cases.items():
        (tmp_path / name).write_bytes(written)
        assert expected in refused(tmp_path / name)
    assert "no revisions" in refused(file, revision="main")
    assert "holds no code" in refused(file, trust_remote_code=True)


def test_damage_anywhere_in_the_head_is_a_model_error(file, tmp_path) -> None:
    content = bytearray(file.read_bytes())
    for place in range(8, 2000, 37):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        (tmp_path / "damaged.gguf").write_bytes(damaged)
        try:
            gguf_header.check_file(str(tmp_path / "damaged.gguf"))
        except ModelError:
            continue  # else the byte was a value, such as a letter of a word


def test_an_architecture_that_transformers_cannot_read_is_named(model, tokenizer, tmp_path) -> None:
    said = refused(write_gguf(tmp_path / "mystery.gguf", model, tokenizer, architecture="mystery"))
    assert "architecture 'mystery', which transformers does not read from GGUF. It reads" in said
    assert "llama" in said


def test_weights_that_lack_or_are_left_over_are_refused(model, tokenizer, tmp_path) -> None:
    import numpy as np

    lacking = write_gguf(tmp_path / "lacking.gguf", model, tokenizer, without="blk.1.ffn_up.weight")
    assert "lack 1 of its weights (model.layers.1.mlp.up_proj.weight)" in refused(lacking)
    extra = {"invented.weight": np.zeros((4, 4), np.float32)}
    more = write_gguf(tmp_path / "more.gguf", model, tokenizer, extra=extra)
    assert "(invented.weight, perhaps): it would be another model" in refused(more)


def test_scalings_that_nobody_would_apply_are_refused(model, tokenizer, tmp_path) -> None:
    keys = [("add_string", "llama.rope.scaling.type", "linear"), ("add_float32", "llama.rope.scaling.factor", 4.0)]
    said = refused(write_gguf(tmp_path / "linear.gguf", model, tokenizer, keys=keys))
    assert "llama.rope.scaling.type = linear, which transformers does not read" in said


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([("add_float32", "llama.rope.scaling.factor", 4.0)], "llama.rope.scaling.factor = 4.0, which"),
        ([("add_float32", "llama.rope.scale_linear", 4.0)], "llama.rope.scale_linear = 4.0, which"),
        ([("add_bool", "llama.attention.causal", False)], "llama.attention.causal = False, which"),
        ([("add_string", "split.count", "2")], "split.count is '2', expected int"),
        ([("add_array", "general.file_type", [1, 2])], "general.file_type is '[1, 2]', expected int"),
        ([("add_uint32", "general.alignment", 0)], "general.alignment is '0'"),
    ],
)
def test_keys_of_another_kind_or_another_model_are_refused(keys, said, model, tokenizer, tmp_path, monkeypatch) -> None:
    import gguf

    if "alignment" in keys[0][1]:  # the writer would pad by it
        monkeypatch.setattr(gguf.GGUFWriter, "ggml_pad", staticmethod(lambda size, _: (size + 31) // 32 * 32))
    assert said in refused(write_gguf(tmp_path / "odd.gguf", model, tokenizer, keys=keys))


def test_a_missing_package_is_named(file, monkeypatch) -> None:
    monkeypatch.setattr(gguf_header, "find_spec", lambda name: None)
    assert "pip install '.[gguf]'" in refused(file)


def test_files_beside_it_are_no_part_of_the_model(file, model, tokenizer, tmp_path, monkeypatch) -> None:
    import torch

    folder = tmp_path / "folder"
    folder.mkdir()
    beside = folder / file.name
    beside.write_bytes(file.read_bytes())
    for name in ("generation_config.json", "tokenizer_config.json", "config.json", "adapter_config.json"):
        (folder / name).write_text('{"eos_token_id": 7, "tokenizer_class": "Nonsense", "auto_map": {"a": "b"}}')
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / file.name).write_bytes(b"another file of this name, in the working directory")
    monkeypatch.chdir(tmp_path / "here")
    lm = loaded(beside)
    ids = tokenizer(TEXT)["input_ids"]
    assert lm.tok_encode(TEXT) == ids
    assert torch.equal(logits(lm.model, ids), logits(model, ids))
    assert lm.model.generation_config.eos_token_id == [2]
    monkeypatch.chdir(folder)
    assert torch.equal(logits(loaded(file.name).model, ids), logits(model, ids)), "a relative path"
