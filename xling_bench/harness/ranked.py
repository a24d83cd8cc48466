"""lm-eval's task for ranked candidates, with the requests that PMI needs besides: made only where it is asked for."""

from __future__ import annotations

import inspect
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask, TaskConfig

FIELDS = frozenset(inspect.signature(TaskConfig).parameters)


class Ranked(ConfigurableTask):  # type: ignore[misc]  # lm-eval is untyped
    """A multiple-choice task whose documents may have an `unconditional` prompt (`adapter.load` says when).

    lm-eval has such requests for its own metric `acc_mutual_info` only, and with an empty context. Demonstrations have
    the separator of their own form, which is another language's where theirs is.
    """

    def __init__(self, config: dict[str, Any]) -> None:
        # lm-eval gives the whole file, `class` included, which its own configuration does not know.
        super().__init__(config={name: value for name, value in config.items() if name in FIELDS})
        self.fewshot_cfg.target_delimiter = self.dataset["test"].demo_form.separator

    def construct_requests(self, doc: dict[str, Any], ctx: str, **more: Any) -> list[Instance]:
        """Every candidate after the item's prompt; then, where asked for, each after the unconditional one."""
        requests: list[Instance] = super().construct_requests(doc, ctx, **more)
        if "unconditional" in doc:
            again = [(doc["unconditional"], request.args[1]) for request in requests]
            for place, arguments in enumerate(again, start=len(requests)):
                requests.append(
                    Instance(
                        request_type="loglikelihood",
                        doc=doc,
                        arguments=arguments,
                        idx=place,
                        metadata=more["metadata"],
                    )
                )
        return requests
