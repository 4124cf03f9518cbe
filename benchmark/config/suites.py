"""Suites: which targets, and the variants that each of them is run in."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from benchmark.config.overrides import is_own_file
from benchmark.config.own_files import check_option, own_file
from benchmark.config.schema import FIGURES, Claim, Suite
from modalities import registry
from modalities.errors import BadInput, UnknownName


def load_suite(name: str) -> Suite:
    """Return a suite: a packaged one by name, or the user's own by the path of its YAML file.

    Raises BadInput if there is none, or if its section says what a suite cannot be.
    """
    check_option("suite", name)
    if is_own_file(name):
        file = own_file("suite", name)
        return suite_of(str(file.path), file.sections["suite"])
    return suite_of(name, _packaged(name))


@cache
def _packaged(name: str) -> Any:
    text = (files("benchmark.config") / "suite" / f"{name}.yaml").read_text(encoding="utf-8")
    return OmegaConf.create(text).suite


def suite_of(where: str, section: Any) -> Suite:
    """Return the suite that a section of a file, ``where``, describes. Raises BadInput if it cannot be one."""
    try:
        suite = OmegaConf.to_object(OmegaConf.merge(Suite, section))
    except (OmegaConfBaseException, ValueError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise BadInput(f"{where}: the section 'suite' is refused: {reason}.") from error
    assert isinstance(suite, Suite)
    suite.variants = {str(label): _checked_variant(where, label, said) for label, said in suite.variants.items()}
    for claim in suite.claims:
        _check_claim(where, claim, list(suite.variants))
    return suite


def _checked_variant(where: str, label: Any, said: Any) -> Any:
    by_modality = said if isinstance(said, dict) else {"every": said}
    for modality, overrides in by_modality.items():
        if isinstance(said, dict) and modality not in registry.MODALITIES:
            unknown = UnknownName("modality", str(modality), list(registry.MODALITIES))
            raise BadInput(f"{where}: in variant '{label}', {unknown}")
        if not isinstance(overrides, list) or not all(isinstance(text, str) for text in overrides):
            raise BadInput(
                f"{where}: variant '{label}' is not a list of settings; write [recipe.mixing=none], or [] for none, "
                "or such a list for each modality."
            )
    return said


def _check_claim(where: str, claim: Claim, labels: list[str]) -> None:
    for label in (claim.better, claim.than):
        if label not in labels:
            raise BadInput(f"{where}: claim {claim.name}: {UnknownName('variant', label, labels)}")
    if claim.figure not in FIGURES:
        raise BadInput(f"{where}: claim {claim.name}: {UnknownName('figure', claim.figure, list(FIGURES))}")
    if not claim.is_testable:
        raise BadInput(f"{where}: claim {claim.name}: give one of at_least and at_most_worse, above 0 and below 1.")


def overrides_of(suite: Suite, modality: str) -> dict[str, list[str]]:
    """Return the overrides of each variant that a modality has, by label; a suite without variants is one without."""
    if not suite.variants:
        return {"": []}
    return {
        label: said if isinstance(said, list) else said[modality]
        for label, said in suite.variants.items()
        if isinstance(said, list) or modality in said
    }
