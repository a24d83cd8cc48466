"""A language model that knows the answer: it proves prompts, stop strings, post-processing and metrics end to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lm_eval.api.model import LM


class Oracle(LM):
    """Answers every request as `say` tells from the item, then babbles on behind the stop string, as models do."""

    def __init__(self, say: Callable[[dict[str, Any]], str] | None = None) -> None:
        super().__init__()
        self.say = say or (lambda doc: str(doc["shown_answer"]))

    def loglikelihood(self, requests: Any, disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        """The right candidate is likely, by more than any difference in length could hide."""
        found = []
        for request in requests:
            assert request.args[1], "nothing to score"
            right = request.idx == request.doc["gold"]
            found.append((-1.0 if right else -100.0 * len(request.args[1]), right))
        return found

    def generate_until(self, requests: Any, disable_tqdm: bool = False) -> list[str]:
        """The answer, cut at the first stop string as lm-eval's models cut."""
        found = []
        for request in requests:
            prompt, settings = request.args
            assert prompt.strip()
            text = " " + self.say(request.doc) + settings["until"][-1] + " and more"
            for stop in settings["until"]:
                text = text.split(stop)[0]
            found.append(text)
        return found

    def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = False) -> list[float]:
        """No task of ours asks for it."""
        raise NotImplementedError
