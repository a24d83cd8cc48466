"""A model held by vLLM: texts of many prompts at once, and for comparison log-likelihoods as lm-eval takes them.

Prompts go in as tokens and texts are made of tokens here, by the rules that `hf_model` follows, so that what differs
between the two is arithmetic alone.
"""

from __future__ import annotations

import gc
import io
import math
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from types import SimpleNamespace
from typing import Any

from lm_eval.api.model import TemplateLM
from lm_eval.models.huggingface import HFLM
from lm_eval.models.utils import handle_stop_sequences, postprocess_generated_text
from tqdm import tqdm

from xling_bench.core.errors import ModelError, UsageError, reason_of
from xling_bench.core.progress import progress
from xling_bench.models import chat
from xling_bench.models.backend import Circumstances, Prompt, Ranked
from xling_bench.models.config import ModelConfig, Provenance
from xling_bench.models.fingerprint import revision_of
from xling_bench.models.fitting import Fitting
from xling_bench.models.prefix import natural_prefix
from xling_bench.models.pretrained import check_class, load_config, load_tokenizer
from xling_bench.models.tokens import end_ids
from xling_bench.models.vllm_start import adapter_request, check_alone, dtype_of, installed, start
from xling_bench.models.whole import check_weights


class VLLMModel(Fitting, TemplateLM):  # type: ignore[misc]  # lm-eval is untyped
    """`config`'s model, held by vLLM. Raises ModelError where vLLM is not there, or does not take the model."""

    called = "vllm"
    backend = "causal"
    notes: tuple[str, ...] = ()
    team = None
    token_budget = None
    quiet = False  # whether no bar is shown while candidates are ranked

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.version = installed()
        check_alone(config.name)
        self.revision = revision_of(config.name, config.revision)
        check_weights(config.name, None, self.revision)
        trusted = config.trust_remote_code
        check_class(config.name, self.revision, trust_remote_code=trusted)
        self.config = load_config(config.name, self.revision, trust_remote_code=trusted)
        if getattr(self.config, "is_encoder_decoder", False):
            raise ModelError(
                f"model {config.name} has an encoder, which vLLM does not run here: use --model hf:{config.name}."
            )
        self.tokenizer = load_tokenizer(config.name, self.revision, trust_remote_code=trusted)
        self.custom_prefix_token_id = config.prefix_token
        if config.prefix_token is None:
            self.custom_prefix_token_id = natural_prefix(self.tokenizer)
        self.batch_limits = config.at_once("vllm"), None
        self.asked_length, self.gpus = config.max_length, config.tensor_parallel
        self.dtype = dtype_of(config, self.config)
        self.start_afresh()
        asked = {"kind": self.config.model_type, "dtype": self.dtype, "max_length": self.max_length}
        self.llm, self.platform = start(config, self.revision, **asked)
        self.lora = adapter_request(config.peft) if config.peft else None
        self._check_finite(config)

    def _check_finite(self, config: ModelConfig) -> None:
        """Generation hides NaN: greedy decoding of a damaged model writes something, and scores 0 like a bad one."""
        try:
            (output,) = self._run([[self.prefix_token_id or 0]], max_tokens=1, logprobs=0)
        except Exception as error:  # vLLM looks at an adapter only now, and raises what it likes
            what = f"{config.name} with {config.peft}" if config.peft else config.name
            raise ModelError(
                f"vLLM {self.version} does not compute with {what}: {reason_of(error)} --model hf:{config.name} takes "
                "what transformers takes."
            ) from error
        values = [found.logprob for found in output.outputs[0].logprobs[0].values()]
        if not all(map(math.isfinite, values)):
            raise ModelError(
                f"model {config.name}: its output is not finite: its weights are damaged, or --dtype overflows."
            )

    @property
    def rows(self) -> int:
        """How many tokens the model has an embedding for."""
        return int(self.config.get_text_config().vocab_size)

    @cached_property
    def max_length(self) -> int:
        """Tokens of prompt and answer together: as lm-eval finds them for transformers' models."""
        model = SimpleNamespace(config=self.config)
        known = SimpleNamespace(
            _max_length=self.asked_length, model=model, tokenizer=self.tokenizer,
            _DEFAULT_MAX_LENGTH=HFLM._DEFAULT_MAX_LENGTH,
        )  # fmt: skip
        return int(HFLM.max_length.fget(known))

    @property
    def room(self) -> int:
        """Tokens of a context and what is scored after it: vLLM wants place for one more."""
        return self.max_length - 1

    @property
    def eot_token_id(self) -> int | None:
        """Where generation ends."""
        return self.tokenizer.eos_token_id  # type: ignore[no-any-return]

    @property
    def prefix_token_id(self) -> int | None:
        """What an empty prompt is conditioned on."""
        return HFLM.prefix_token_id.fget(self)  # type: ignore[no-any-return]

    @cached_property
    def generation_config(self) -> dict[str, object]:
        """What the model's generation_config.json asks for."""
        from transformers import GenerationConfig

        try:
            found = GenerationConfig.from_pretrained(self.tokenizer.name_or_path, revision=self.revision)
        except OSError:  # there is none
            found = GenerationConfig.from_model_config(self.config)
        return dict(found.to_diff_dict())

    def use_token_budget(self, tokens: int) -> None:
        """vLLM fills its batches itself."""

    @property
    def tokenizer_name(self) -> str:
        """For lm-eval's results."""
        return str(self.tokenizer.name_or_path).replace("/", "__")

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **_: Any) -> list[int]:
        """The tokens that lm-eval's `hf` makes of a text."""
        known = SimpleNamespace(tokenizer=self.tokenizer, add_bos_token=None, prefix_token_id=self.prefix_token_id)
        return HFLM.tok_encode(known, string, add_special_tokens)  # type: ignore[no-any-return]

    def apply_chat_template(self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
        """The conversation as the tokenizer's template writes it, by lm-eval's own rule."""
        known = SimpleNamespace(tokenizer=self.tokenizer, chat_template_args=chat.settings(self.tokenizer))
        return str(HFLM.apply_chat_template(known, chat_history, add_generation_prompt))

    def texts(self, batch: Sequence[Prompt], tick: Callable[[int], object] = lambda _: None) -> list[str]:
        """One greedy text for each prompt, cut at its stop strings, without special tokens; `tick` hears of each."""
        self.llm.reset_prefix_cache()  # what was computed before does not decide how this is
        ends = self._ends()
        prompts, several, stops = [], [], []
        for context, settings in batch:
            most = int(str(settings["max_gen_toks"]))
            prompts.append(self.ending(self._prompt(context), self.max_length - most))
            stop = [text for text in self._stops(settings) if text]
            stops.append(stop)
            several.append({"max_tokens": most, "stop": stop, "stop_token_ids": ends, "skip_special_tokens": False})
        outputs = self._run(prompts, several=several, tick=tick)
        texts = [self.tokenizer.decode(output.outputs[0].token_ids, skip_special_tokens=True) for output in outputs]
        return [postprocess_generated_text(text, stop, None) for text, stop in zip(texts, stops, strict=True)]

    def _prompt(self, context: str) -> list[int]:
        """The tokens that lm-eval's `hf` goes on from: one that begins with bos gets no second one."""
        first = self.tokenizer.bos_token
        begun = {"add_special_tokens": False} if first and context.startswith(first) else {}
        return self.tokenizer.encode(context, **begun)  # type: ignore[no-any-return]

    def _stops(self, settings: Any) -> list[str]:
        eos = self.tokenizer.decode(self.eot_token_id, skip_special_tokens=False)
        until = settings.get("until") or []
        found: list[str] = handle_stop_sequences([until] if isinstance(until, str) else list(until), eos=eos)
        return found

    def _ends(self) -> list[int]:
        return end_ids(self.generation_config)

    def _run(
        self,
        prompts: list[list[int]],
        *,
        several: list[dict[str, Any]] | None = None,
        tick: Callable[[int], object] = lambda _: None,
        **same: Any,
    ) -> Any:
        """vLLM's outputs for prompts of tokens, sampled greedily with the settings given."""
        from vllm import SamplingParams

        sampling = [SamplingParams(temperature=0.0, **one) for one in several or [same] * len(prompts)]
        given: list[Any] = [{"prompt_token_ids": tokens} for tokens in prompts]
        return self.llm.generate(given, sampling, use_tqdm=partial(_unseen, tick), lora_request=self.lora)

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> Ranked:
        """(log-likelihood, whether every token was the likeliest) of each request's continuation."""
        self.quiet = disable_tqdm
        found: Ranked = super().loglikelihood(requests, disable_tqdm=True)  # whose bar is of tokenizing, which is quick
        self.note_truncated(requests)
        return found

    def _loglikelihood_tokens(self, requests: list[Any], **_: Any) -> Ranked:
        """Of requests that are tokens already. Prompts are computed afresh: vLLM leaves the log-probabilities of what
        it takes from its cache uninitialised."""
        pairs = [self.fitted(context, continuation, key) for key, context, continuation in requests]
        self.llm.reset_prefix_cache()
        with progress(len(pairs), "requests", quiet=self.quiet) as bar:
            outputs = self._run(
                [context + scored for context, scored in pairs],
                max_tokens=1, prompt_logprobs=0, detokenize=False, skip_reading_prefix_cache=True, tick=bar.update,
            )  # fmt: skip
        return [_ranked(output.prompt_logprobs, *pair) for output, pair in zip(outputs, pairs, strict=True)]

    def loglikelihood_rolling(self, *_: Any, **__: Any) -> list[float]:
        """Raises UsageError: no task of ours asks for it, and lm-eval's own model has it."""
        raise UsageError("log-likelihoods of whole texts: use lm-eval's own model (`lm_eval run --model vllm`)")

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """One text for each of lm-eval's requests."""
        with progress(len(requests), "generating", quiet=disable_tqdm) as bar:
            return self.texts([request.args for request in requests], bar.update)

    def provenance(self) -> Provenance:
        """How log-likelihoods are computed, for the results file."""
        return {"backend": "vllm"}

    def circumstances(self) -> Circumstances:
        """Those of this model, here."""
        import torch

        device = self.platform.get_device_name() if not self.platform.is_cpu() else "cpu"
        libraries = {"torch": str(torch.__version__), "vllm": self.version, "gpus": str(self.gpus)}
        texts, tokens = self.batch_limits
        return {"batch_size": texts, "batch_tokens": tokens, "device": device, "libraries": libraries}

    def close(self) -> None:
        """Give back the memory that the model takes."""
        del self.llm
        gc.collect()


def _unseen(tick: Callable[[int], object], *given: Any, **settings: Any) -> Any:
    """The bar that vLLM asks for, and reads the time from, drawn nowhere; `tick` hears of what is ready."""
    bar: Any = tqdm(*given, **{**settings, "file": io.StringIO(), "disable": False})
    usual = bar.update
    bar.update = lambda steps=1: (usual(steps), tick(steps))
    return bar


def _ranked(found: Any, context: list[int], scored: list[int]) -> tuple[float, bool]:
    """Sum over what is scored, and whether each of its tokens was the likeliest; `found` is vLLM's, by position."""
    own = [found[len(context) + place][token] for place, token in enumerate(scored)]
    return math.fsum(each.logprob for each in own), all(each.rank == 1 for each in own)
