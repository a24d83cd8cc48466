"""Statistics over languages and parallel items. Numpy only; every random number comes from a seed."""

from xling_bench.stats.anytime import log_capital, lower_limits
from xling_bench.stats.bootstrap import Interval, bootstrap_mean, bootstrap_means, interval
from xling_bench.stats.cluster_sums import Codes, cluster_sums, standard_error
from xling_bench.stats.correlation import Correlation, spearman
from xling_bench.stats.descriptive import (
    Dispersion,
    absolute_gap,
    chance_corrected,
    dispersion,
    population_std,
    relative_gap,
    transfer_gap,
)
from xling_bench.stats.noise import corrected_std
from xling_bench.stats.paired import (
    PairedResult,
    detectable,
    detectable_floor,
    exact_sign_flip,
    holm,
    mcnemar_exact,
    minimum_detectable_effect,
    paired_difference,
    rank_intervals,
    sign_flip,
)

__all__ = [
    "Codes",
    "Correlation",
    "Dispersion",
    "Interval",
    "PairedResult",
    "absolute_gap",
    "bootstrap_mean",
    "bootstrap_means",
    "chance_corrected",
    "cluster_sums",
    "corrected_std",
    "detectable",
    "detectable_floor",
    "dispersion",
    "exact_sign_flip",
    "holm",
    "interval",
    "log_capital",
    "lower_limits",
    "mcnemar_exact",
    "minimum_detectable_effect",
    "paired_difference",
    "population_std",
    "rank_intervals",
    "relative_gap",
    "sign_flip",
    "spearman",
    "standard_error",
    "transfer_gap",
]
