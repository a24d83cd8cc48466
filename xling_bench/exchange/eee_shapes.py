"""A record of every_eval_ever 0.3.0: its JSON Schema (`schemas/eval.schema.json`, EvalEval Coalition) as types.

Validated strictly: a text is no number, `true` is none either, an unknown key is an error. What is not there stays away
when a record is written, so that reading and writing one changes nothing.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from xling_bench.core.declare import Strict

VERSION = "0.3.0"
Texts = dict[str, str]
Bound = float | Literal["Infinity", "-Infinity"] | None
SAMPLES = r"^data/[^/]+/[^/]+/[^/]+/[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-4[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}_samples\.jsonl$"  # noqa: E501 - one expression


class Shape(Strict):
    """What all parts are: strict. What need not be there has the default None, but null stands for nothing: only the
    keys in NULL may hold it."""

    model_config = ConfigDict(strict=True)
    NULL: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="before")
    @classmethod
    def _no_null(cls, data: Any) -> Any:
        known = data if isinstance(data, dict) else {}
        found = next((n for n in cls.model_fields if n in known and known[n] is None and n not in cls.NULL), None)
        if found is not None:
            raise ValueError(f"{found} is null; leave it out where nothing is known")
        return data


class Open(Shape):
    """A part to which the schema does not forbid further keys."""

    model_config = ConfigDict(extra="allow")


class Source(Open):
    """Who says it: of an `evaluation_run` (outputs of items), or of `documentation` (reported numbers only)."""

    source_name: str | None = None
    source_type: Literal["documentation", "evaluation_run"]
    source_organization_name: str
    source_organization_url: str | None = None
    source_organization_logo_url: str | None = None
    evaluator_relationship: Literal["first_party", "third_party", "collaborative", "other"]
    additional_details: Texts | None = None


class Library(Open):
    """The program that measured; version `unknown` where nobody knows."""

    name: str
    version: str
    additional_details: Texts | None = None


class Engine(Open):
    """What ran the model."""

    name: str | None = None
    version: str | None = None


class Model(Open):
    """The model. `additional_details` has at least deployment_type and model_availability."""

    name: str
    id: str
    developer: str | None = None
    inference_platform: str | None = None
    inference_engine: Engine | None = None
    additional_details: Texts

    @model_validator(mode="after")
    def _check(self) -> Self:
        for key, known in (
            ("deployment_type", ("self_deployed", "externally_managed", "unknown")),
            ("model_availability", ("open_weights", "closed_weights", "unknown")),
        ):
            if self.additional_details.get(key) not in known:
                raise ValueError(f"additional_details.{key}: expected one of {', '.join(known)}")
        return self


class Dataset(Open):
    """The data, from wherever they come: `url`, `hf_dataset` or `other`."""

    dataset_name: str
    source_type: Literal["url", "hf_dataset", "other"]
    url: Annotated[list[str], Field(min_length=1)] | None = None
    hf_repo: str | None = None
    hf_split: str | None = None
    samples_number: int | None = None
    sample_ids: list[str] | None = None
    additional_details: Texts | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.source_type == "url" and self.url is None:
            raise ValueError("url: missing, for source_type is 'url'")
        return self


class MetricConfig(Open):
    """The metric; a continuous score has bounds, one of levels their names."""

    NULL: ClassVar[tuple[str, ...]] = ("min_score", "max_score")

    evaluation_description: str | None = None
    metric_id: str | None = None
    metric_name: str | None = None
    metric_kind: str | None = None
    metric_unit: str | None = None
    metric_parameters: dict[str, str | float | bool | None] | None = None
    lower_is_better: bool
    score_type: Literal["binary", "continuous", "levels"] | None = None
    level_names: list[str] | None = None
    level_metadata: list[str] | None = None
    has_unknown_level: bool | None = None
    min_score: Bound = None
    max_score: Bound = None
    llm_scoring: dict[str, Any] | None = None
    additional_details: Texts | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        needed = {"continuous": {"min_score", "max_score"}, "levels": {"level_names", "has_unknown_level"}}
        lacking = needed.get(self.score_type or "", set()) - self.model_fields_set
        if lacking:
            raise ValueError(f"{min(lacking)}: missing, for score_type is {self.score_type!r}")
        return self


class StandardError(Open):
    """The standard error of the score."""

    value: float
    method: str | None = None


class Interval(Open):
    """A confidence interval of the score, in the score's own range."""

    lower: float
    upper: float
    confidence_level: Annotated[float, Field(ge=0, le=1)] | None = None
    method: str | None = None


class Uncertainty(Open):
    """How sure the score is."""

    standard_error: StandardError | None = None
    confidence_interval: Interval | None = None
    standard_deviation: float | None = None
    num_samples: int | None = None
    num_bootstrap_samples: int | None = None


class Scored(Open):
    """The score, and what there is to say of it in texts."""

    score: float
    details: Texts | None = None
    uncertainty: Uncertainty | None = None


class Result(Open):
    """One number."""

    evaluation_result_id: str | None = None
    evaluation_name: str
    source_data: Dataset
    evaluation_timestamp: str | None = None
    metric_config: MetricConfig
    score_details: Scored
    generation_config: dict[str, Any] | None = None


class Detailed(Open):
    """Where the instances are: a file beside the record, named from the datastore's root."""

    format: Literal["jsonl"]
    file_path: Annotated[str, Field(pattern=SAMPLES)]
    hash_algorithm: Literal["sha256", "md5"] | None = None
    checksum: str | None = None
    total_rows: int | None = None
    additional_details: Texts | None = None


class EvalRecord(Shape):
    """One model's results. Timestamps are seconds since 1970, as texts."""

    schema_version: str
    evaluation_id: str
    evaluation_timestamp: str | None = None
    retrieved_timestamp: str
    source_metadata: Source
    eval_library: Library
    model_info: Model
    evaluation_results: list[Result]
    detailed_evaluation_results: Detailed | None = None

    def written(self) -> dict[str, Any]:
        """As JSON holds it: what was not given is not there."""
        return self.model_dump(mode="json", exclude_unset=True)
