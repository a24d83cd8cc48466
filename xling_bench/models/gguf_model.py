"""A model and its tokenizer out of a GGUF file, by transformers, with what transformers passes over mended or said.

The weights are dequantised: the model is an ordinary one in the dtype asked for. Nothing is unpickled, no code is run.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from xling_bench.core.errors import ModelError
from xling_bench.models.gguf_header import Header, check_file
from xling_bench.models.whole import whole

# How byte-level tokenizers cut a text before merging, by the file's `tokenizer.ggml.pre` (llama.cpp's names).
DIGITS_APART = {"smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"}
AS_GPT2 = {"gpt-2", "gpt2", "phi-2", "mpt", "olmo", "jais", "trillion", "granite-docling"}
ENDS = ("eos", "eot", "eom")  # tokens at which generation ends
LLAMA3_ROPE = "rope_freqs.weight"


@dataclass(frozen=True)
class Opened:
    """A file that is being loaded. `folder` is empty: files beside a GGUF file are no part of the model."""

    name: str
    header: Header
    folder: str

    @property
    def place(self) -> dict[str, str]:
        """What transformers' loaders take beside the folder. An absolute path: a relative one would be looked for in
        the working directory first."""
        return {"gguf_file": str(Path(self.name).absolute())}


@contextmanager
def opened(name: str) -> Iterator[Opened]:
    """The file, for as long as it is being loaded.

    transformers parses a file's head for the configuration, the tokenizer and the weights, each time for seconds (16
    with Gemma's 262,144 words); meanwhile they share one.
    """
    import gguf

    header, original = check_file(name), gguf.GGUFReader
    gguf.GGUFReader = lru_cache(maxsize=1)(original)
    try:
        with tempfile.TemporaryDirectory(prefix="xling-gguf-") as folder:
            yield Opened(name, header, folder)
    finally:
        gguf.GGUFReader = original


def load_tokenizer(file: Opened) -> Any:
    """The file's tokenizer, cutting texts and putting the first token as the file says."""
    from transformers import AutoTokenizer

    header = file.header
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(file.folder, **file.place, trust_remote_code=False)
    except ValueError as error:
        raise ModelError(f"{file.name}: its tokenizer cannot be read: {error}") from error
    if header.keys.get("tokenizer.ggml.model") == "gpt2" and header.keys.get("tokenizer.ggml.pre") in DIGITS_APART:
        _digits_apart(tokenizer)
    _only_its_words(tokenizer, len(header.keys["tokenizer.ggml.tokens"]))
    bos = header.token("bos")
    if bos and _wants_first(header) and not _first(tokenizer):
        from tokenizers.processors import TemplateProcessing

        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{bos} $A", pair=f"{bos} $A $B", special_tokens=[(bos, tokenizer.convert_tokens_to_ids(bos))]
        )
    return tokenizer


def _digits_apart(tokenizer: Any) -> None:
    """Each digit by itself, then as GPT-2: transformers knows not these names and would leave the first step out."""
    from tokenizers import pre_tokenizers

    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )


def _only_its_words(tokenizer: Any, size: int) -> None:
    """Take out words that transformers adds by itself (GPT-2's <|endoftext|>): the model has no embedding for them."""
    from tokenizers import Tokenizer

    if len(tokenizer) > size:
        written = json.loads(tokenizer.backend_tokenizer.to_str())
        written["added_tokens"] = [token for token in written["added_tokens"] if token["id"] < size]
        tokenizer._tokenizer = Tokenizer.from_str(json.dumps(written))


def _wants_first(header: Header) -> bool:
    """Whether the file wants bos before a text; llama.cpp's default is yes for SentencePiece and Llama 3 only."""
    usual = header.keys.get("tokenizer.ggml.model") == "llama" or header.keys.get("tokenizer.ggml.pre") == "llama-bpe"
    return bool(header.keys.get("tokenizer.ggml.add_bos_token", usual))


def _first(tokenizer: Any) -> bool:
    """Whether the tokenizer puts its bos before a text."""
    return bool(tokenizer("a")["input_ids"][:1] == [tokenizer.bos_token_id])


def oddities(name: str, tokenizer: Any) -> list[str]:
    """In what the tokenizer is, or may be, another than the file describes; one sentence each."""
    header, found = check_file(name), []
    for short, mine in (("bos", tokenizer.bos_token), ("eos", tokenizer.eos_token), ("padding", tokenizer.pad_token)):
        if (said := header.token(short)) not in (None, mine):
            found.append(f"the file's {short} token is {said!r}, the tokenizer's {mine!r}")
    if _first(tokenizer) and not _wants_first(header):
        found.append("the tokenizer puts its bos before every text, which the file does not ask for")
    pre, kind = header.keys.get("tokenizer.ggml.pre"), header.keys.get("tokenizer.ggml.model")
    if kind == "gpt2" and pre not in DIGITS_APART | AS_GPT2 | _known_cuts():
        found.append(f"nobody here knows the tokenizer's way to cut texts ({pre!r}): they are cut as GPT-2 does")
    spaced = header.keys.get("tokenizer.ggml.add_space_prefix", True)
    start = tokenizer.convert_ids_to_tokens(tokenizer("a", add_special_tokens=False)["input_ids"])[:1]
    if kind == "llama" and bool(spaced) != start[0].startswith("▁"):
        how = "puts" if not spaced else "does not put"
        found.append(f"the tokenizer {how} a space before every text, against the file's word")
    return [f"{Path(name).name}: {sentence}" for sentence in found]


def _known_cuts() -> set[str]:
    try:
        from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS
    except ImportError:  # an older transformers knows none
        return set()
    return {*GGUF_PRE_TOKENIZER_SPLITS}


def load_model(loader: Any, file: Opened, **settings: Any) -> Any:
    """`loader.from_pretrained` for the file: a plain model in `settings["dtype"]`, every weight of it from the file.

    loader: transformers' AutoModelForCausalLM or one like it. Raises ModelError where weights lack or are left over.
    """
    header = file.header
    dequantising = _dequantising(file.place["gguf_file"])
    try:
        model = whole(loader, file.folder, quantization_config=dequantising, **file.place, **settings)
    except ModelError as error:
        raise ModelError(str(error).replace(file.folder, file.name)) from error
    _rotate_as_said(model, file)
    _refuse_unread(model, file)
    _make_plain(model)
    ends = {header.keys.get(f"tokenizer.ggml.{end}_token_id") for end in ENDS} - {None}
    if ends and model.generation_config is not None:
        model.generation_config.eos_token_id = sorted(ends)
    return model


def _dequantising(file: str) -> Any:
    """Newer versions of transformers compute with packed weights, by kernels from the hub, where they can; not here."""
    try:
        from transformers import GgufConfig
    except ImportError:  # an older one always dequantises
        return None
    return GgufConfig(gguf_file=file, dequantize=True)


def _rotate_as_said(model: Any, file: Opened) -> None:
    """Llama 3's scaling of rotary frequencies is a tensor in the file, which transformers does not read."""
    if not any(tensor.name == LLAMA3_ROPE for tensor in file.header.tensors):
        return
    import gguf
    import torch

    raw = next(tensor for tensor in gguf.GGUFReader(file.place["gguf_file"]).tensors if tensor.name == LLAMA3_ROPE)
    factors = torch.from_numpy(gguf.dequantize(raw.data, raw.tensor_type).copy())
    rotary = getattr(model.base_model, "rotary_emb", None)
    if rotary is None or getattr(rotary, "inv_freq", factors.new_zeros(0)).shape != factors.shape:
        raise ModelError(f"{file.name}: its {LLAMA3_ROPE} fits no rotary embedding of the model.")
    rotary.inv_freq = rotary.inv_freq / factors.to(rotary.inv_freq.device)
    if hasattr(rotary, "original_inv_freq"):
        rotary.original_inv_freq = rotary.inv_freq.clone()


def _refuse_unread(model: Any, file: Opened) -> None:
    """transformers drops tensors that it has no place for without a word: the file must hold what the model has."""
    extra = {LLAMA3_ROPE}
    if getattr(model.config, "tie_word_embeddings", False):
        extra.add("output.weight")  # BLOOM's and Falcon's files have it twice
    held = {tensor.name: tensor.size for tensor in file.header.tensors if tensor.name not in extra}
    has = sum(parameter.numel() for parameter in model.parameters())
    if sum(held.values()) > has:
        strange = [key for key in held if key.split(".")[-2:][0] not in _usual(file.header)]
        shown = f" ({', '.join(strange[:3])}, perhaps)" if strange else ""
        raise ModelError(
            f"{file.name} holds {sum(held.values()):,} weights, of which transformers reads {has:,}{shown}: "
            "it would be another model. Use its folder of safetensors: --model hf:FOLDER."
        )


def _usual(header: Header) -> set[str]:
    """Kinds of tensors that each layer has, and the embedding's; what is left may be what nobody reads."""
    counts: dict[str, int] = {}
    for tensor in header.tensors:
        kind = tensor.name.split(".")[-2:][0]
        counts[kind] = counts.get(kind, 0) + 1
    return {kind for kind, number in counts.items() if number > 1} | {"token_embd", "output_norm", "output"}


def _make_plain(model: Any) -> None:
    """Take off what marks the model as quantised: it is not any more, and can be adapted and saved like any other."""
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    for name in ("hf_quantizer", "quantization_method"):
        if hasattr(model, name):
            delattr(model, name)
    model.is_quantized = False
