"""The distillation loss: a distance between the predictions of teacher and student."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def distillation_loss(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """KL(softmax(t/T) || softmax(s/T)), mean over the batch, times T² (Hinton, Vinyals & Dean 2015).

    Args:
        student: (B, classes) logits.
        teacher: (B, classes) logits, without gradient.
        temperature: T > 0; the factor T² keeps gradients comparable between temperatures.

    Returns:
        A scalar, at least 0; computed in float32 whatever the precision of the logits.
    """
    log_s = F.log_softmax(student.float() / temperature, dim=1)
    log_t = F.log_softmax(teacher.float() / temperature, dim=1)
    return F.kl_div(log_s, log_t, reduction="batchmean", log_target=True) * temperature**2
