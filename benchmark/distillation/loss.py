"""The distillation loss: a distance between the predictions of teacher and student."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


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
