"""`python -m xling_bench`."""

import sys

from xling_bench.cli.main import main

sys.exit(main())
