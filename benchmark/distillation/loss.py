"""Distillation losses: distances between the predictions of teacher and student."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from benchmark.config.schema import Recipe


def recipe_loss(student: Tensor, teacher: Tensor, recipe: Recipe) -> Tensor:
    """Return the loss that a recipe names, of logits (B, classes) of any float type: a scalar, the mean over B."""
    if recipe.loss == "mse":
        return mean_squared_error(student, teacher)
    if recipe.loss == "standardised":
        student, teacher = standardised(student), standardised(teacher)
    return distillation_loss(student, teacher, recipe.temperature, recipe.squared_temperature)


def mean_squared_error(student: Tensor, teacher: Tensor) -> Tensor:
    """Return the squared difference of logits, each less its item's mean, summed over classes / 2, mean over the batch.

    This is the limit of the Kullback-Leibler divergence times T² · classes for a high temperature T (Hinton, Vinyals &
    Dean 2015, section 2.1; Kim et al., IJCAI 2021), and like it does not see a constant that is added to all logits.
    """
    student, teacher = student.float(), teacher.float()
    difference = (student - student.mean(1, keepdim=True)) - (teacher - teacher.mean(1, keepdim=True))
    return difference.square().sum(1).mean() / 2


def standardised(logits: Tensor) -> Tensor:
    """Return logits of mean 0 and standard deviation 1 per item (Sun et al., CVPR 2024, equation 10); (B, classes)."""
    logits = logits.float()
    return (logits - logits.mean(1, keepdim=True)) / (logits.std(1, keepdim=True, correction=0) + 1e-7)


def distillation_loss(student: Tensor, teacher: Tensor, temperature: float, squared: bool = True) -> Tensor:
    """KL(softmax(t/T) || softmax(s/T)), mean over the batch, times T² (Hinton, Vinyals & Dean 2015); a scalar ≥ 0.

    Logits are (B, classes), those of the teacher without gradient; all is computed in float32, whatever their type.
    The temperature is T > 0; the factor T² keeps gradients comparable between temperatures. Without ``squared`` there
    is no such factor, as in Asano & Saeed (ICLR 2023).
    """
    log_s = F.log_softmax(student.float() / temperature, dim=1)
    log_t = F.log_softmax(teacher.float() / temperature, dim=1)
    divergence = F.kl_div(log_s, log_t, reduction="batchmean", log_target=True)
    return divergence * temperature**2 if squared else divergence
