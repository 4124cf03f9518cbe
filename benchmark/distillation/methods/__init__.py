"""Methods of the field that need no datum, as baselines: written from their papers, in the contract of plug-ins."""

from __future__ import annotations

from benchmark.distillation.methods.generator import MetaGenerator
from benchmark.distillation.methods.inversion import Inversion
from modalities.plugins.contracts import Method

BUILT_IN: dict[str, Method] = {"inversion": Inversion, "generator": MetaGenerator}  # besides segments alone
