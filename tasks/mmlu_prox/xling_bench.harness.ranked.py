# Compiled by `xling-bench tasks compile` from xling_bench/core/lm_eval_versions.py; do not edit.
from xling_bench.harness.ranked import *
