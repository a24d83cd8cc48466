"""The version of the package, which every number carries."""

VERSION = "0.1.0"
