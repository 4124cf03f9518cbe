"""Policies as named steps that can be switched off one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Self

from modalities.assembly.settings import Setting, check_settings
from modalities.errors import UnknownName


@dataclass(frozen=True)
class SteppedPolicy:
    """What the policies of all modalities have in common.

    Random draws are keyed by their names, so a step that is off leaves the draws of all others as they are.
    """

    # Each step with those of its settings that decide whether it does anything, at the values at which it does nothing.
    STEPS: ClassVar[Mapping[str, Mapping[str, float]]] = {}

    off: Annotated[tuple[str, ...], Setting("steps that are switched off")] = field(default=(), kw_only=True)
    code: Annotated[str, Setting("a plug-in that changes the segments last; policy=FILE.py sets it")] = field(
        default="", kw_only=True
    )

    def __post_init__(self) -> None:
        """Put ``off`` into the order of the steps, so that equal policies are equal. Raises BadInput, UnknownName."""
        check_settings(self, "policy")
        for step in self.off:
            if step not in self.STEPS:
                raise UnknownName("step of the policy", step, list(self.STEPS))
        object.__setattr__(self, "off", tuple(step for step in self.STEPS if step in self.off))

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps that change something: neither off nor at settings that do nothing."""
        return tuple(step for step in self.STEPS if step not in self.off and not self._does_nothing(step))

    def _does_nothing(self, step: str) -> bool:
        return all(getattr(self, setting) == value for setting, value in self.STEPS[step].items())

    def in_effect(self) -> Self:
        """Return the policy that does the same with nothing switched off: its settings say it all."""
        changes: dict[str, Any] = {setting: value for step in self.off for setting, value in self.STEPS[step].items()}
        return replace(self, off=(), **changes)

    def one_by_one(self) -> dict[str, Self]:
        """Return policies that show what each step does, by their titles: all steps, and each by itself.

        The crop is part of each, if there is one: without it, all segments show the same.
        """
        always = [step for step in self.steps if step == "crop"]
        shown = {"all steps": self, " ".join(always) or "no step": self._only(*always)}
        return shown | {" + ".join([*always, step]): self._only(*always, step) for step in self.steps if step != "crop"}

    def _only(self, *kept: str) -> Self:
        return replace(self, off=tuple(step for step in self.STEPS if step not in kept))
