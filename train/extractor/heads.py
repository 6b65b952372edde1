"""Linear classifiers on features: what a picture shows, and how far to trust that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.metrics import recall_score, roc_auc_score
from torch import Tensor, nn
from torch.nn import functional as F

from train.extractor.photos import UNKNOWN, Task

DECAY = 1e-3  # of the weights, squared, on features of deviation 1
ITERATIONS = 100
LEAST_JUDGED = 5  # held-out photos of a value, or it has no score


@dataclass(frozen=True, eq=False)
class Head:
    """A multinomial logistic regression on features, every value as likely before as any other.

    Attributes:
        name: the task's, such as "sleeves".
        values: what it tells apart, at least two.
        weight: float32 (len(values), D); ``bias``: (len(values),).
        scores: on held-out photos, see :func:`scores_of`; {} where there are too few.
    """

    name: str
    values: tuple[str, ...]
    weight: np.ndarray
    bias: np.ndarray
    scores: dict[str, Any]

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """How likely each value is for features (N, D): (N, len(values)), rows of sum 1."""
        logits = features @ self.weight.T + self.bias
        grown = np.exp(logits - logits.max(1, keepdims=True))
        return grown / grown.sum(1, keepdims=True)

    def shares(self, features: np.ndarray) -> dict[str, float]:
        """For each value the share of pictures, by their features (N, D), that are called by it.

        Compare it with what real photos get, and see ``scores``: a head takes some for what they
        are not, most where a value is rare.
        """
        found = self.probabilities(features).argmax(1)
        counts = np.bincount(found, minlength=len(self.values))
        return {
            name: count / len(found)
            for name, count in zip(self.values, counts.tolist(), strict=True)
        }


def fit(features: np.ndarray, task: Task, held_out: np.ndarray) -> Head:
    """Learn a head from the features (N, D) of photos that are not ``held_out``, bool (N,).

    Photos without a label don't count. Those of each value weigh as much together as of any other.
    """
    labels = task.labels.numpy()
    learnt = ~held_out & (labels != UNKNOWN)
    middle, spread = features[learnt].mean(0), features[learnt].std(0)
    spread[spread < 1e-6] = 1  # a feature that is always the same
    inputs = torch.from_numpy((features[learnt] - middle) / spread).float()
    linear = _regression(inputs, torch.from_numpy(labels[learnt]), len(task.values))
    weight = linear.weight.detach().numpy() / spread
    bias = linear.bias.detach().numpy() - weight @ middle
    head = Head(task.name, task.values, np.float32(weight), np.float32(bias), {})
    judged = held_out & (labels != UNKNOWN)
    scores = scores_of(head.probabilities(features[judged]), labels[judged], task.values)
    return Head(task.name, task.values, head.weight, head.bias, scores)


def scores_of(
    probabilities: np.ndarray, labels: np.ndarray, values: tuple[str, ...]
) -> dict[str, Any]:
    """How well probabilities (N, V) tell ``labels``, int64 (N,), of photos held out.

    Values with fewer than LEAST_JUDGED photos are left out.

    Returns:
        {} if fewer than two values are left; else ``photos``, how many are judged;
        ``balanced_accuracy``, the mean over values of the share that is told right, 1 / V by
        chance; ``auc``, the area under the ROC curve of each value against the others, on average,
        0.5 by chance; and ``recall``, the share told right by value.
    """
    counts = np.bincount(labels, minlength=len(values))
    kept = np.flatnonzero(counts >= LEAST_JUDGED)
    if len(kept) < 2:
        return {}
    judged = np.isin(labels, kept)
    probabilities, labels = probabilities[judged], labels[judged]
    found = probabilities.argmax(1)
    recall = recall_score(labels, found, labels=kept, average=None, zero_division=0)
    areas = [roc_auc_score(labels == at, probabilities[:, at]) for at in kept]
    return {
        "photos": len(labels),
        "balanced_accuracy": round(float(recall.mean()), 4),
        "auc": round(float(np.mean(areas)), 4),
        "recall": {
            values[at]: round(float(each), 4) for at, each in zip(kept, recall, strict=True)
        },
    }


def _regression(inputs: Tensor, labels: Tensor, count: int) -> nn.Linear:
    """Fit by L-BFGS from zero: there is one best answer, and no chance in finding it."""
    weights = 1 / labels.bincount(minlength=count).clamp_min(1)
    linear = nn.utils.skip_init(nn.Linear, inputs.shape[1], count)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    optimiser = torch.optim.LBFGS(
        linear.parameters(), max_iter=ITERATIONS, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimiser.zero_grad()
        found = F.cross_entropy(linear(inputs), labels, weight=weights.float())
        found = found + DECAY * linear.weight.square().sum()
        found.backward()
        return found

    optimiser.step(loss)
    return linear
