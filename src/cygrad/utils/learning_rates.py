"""find_learning_rate: a learning rate to start with, from one short run."""

import copy
import math
from dataclasses import dataclass

import numpy as np

from ..models.data import shuffled


@dataclass
class LearningRates:
    """What find_learning_rate has measured: rates, the losses of their batches, smooth, a moving average of these, and
    suggestion, a float.

    >>> found = cygrad.utils.LearningRates(np.array([0.1, 1.0]), np.array([2.0, 1.0]), np.array([2.0, 1.0]), 0.1)
    >>> found.suggestion
    0.1
    """

    rates: np.ndarray
    losses: np.ndarray
    smooth: np.ndarray
    suggestion: float


def find_learning_rate(model, x, y, lowest=1e-6, highest=10.0, steps=100, batch_size=32, sample_weight=None):
    """Trains a copy of a compiled model with a rate that grows from batch to batch, and suggests one (Smith, 2017,
    arXiv:1506.01186).

    The rate of step i is lowest (highest / lowest)^(i / (steps - 1)); the run ends where the smoothed loss is four
    times its lowest or not finite. The suggestion is where the smoothed loss falls fastest by the logarithm of the
    rate, a place to begin. The model itself, its optimizer and states stay as they are.

    x, y, sample_weight: as for fit, arrays; batch_size: samples in a step. Returns LearningRates, with rates, losses,
    smooth and suggestion; utils.plot_learning_rates draws it. ValueError for a model that is not compiled, for
    numbers that make no sense and where the loss is not finite from the start.

    >>> cygrad.utils.set_random_seed(1)
    >>> x = np.random.default_rng(0).normal(size=(256, 4)).astype("float32")
    >>> model = cygrad.Sequential([cygrad.Input((4,)), cygrad.layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> found = cygrad.utils.find_learning_rate(model, x, x.sum(1, keepdims=True))
    >>> 1e-3 < found.suggestion < 1
    True
    """
    op = "find_learning_rate"
    if not getattr(model, "compiled", False):
        raise ValueError(f"{op}: the model is not compiled; call model.compile(optimizer, loss) first")
    if not 0 < lowest < highest or not math.isfinite(highest):
        raise ValueError(f"{op}: expected 0 < lowest < highest; got lowest={lowest!r}, highest={highest!r}")
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 10:
        raise ValueError(f"{op}: steps must be an integer of at least 10; got {steps!r}")
    x, y = np.asarray(x), np.asarray(y)
    weights = None if sample_weight is None else np.asarray(sample_weight)
    if len(x) != len(y) or not len(x):
        raise ValueError(f"{op}: x has {len(x)} samples, y has {len(y)}")
    trial = copy.deepcopy(model)
    order = np.concatenate([shuffled(len(x), 0, epoch) for epoch in range(-(-steps * batch_size // len(x)))])
    rates, losses = [], []
    for i in range(steps):
        rate = lowest * (highest / lowest) ** (i / (steps - 1))
        trial.optimizer.learning_rate = rate
        which = order[i * batch_size : (i + 1) * batch_size]
        batch = (x[which], y[which], None if weights is None else weights[which])
        loss = trial.train_on_batch(*batch, return_dict=True)["loss"]
        if not math.isfinite(loss):
            break
        rates.append(rate)
        losses.append(loss)
        so_far = _average(losses)
        if i > 10 and so_far[-1] > 4 * so_far.min():
            break
    if len(rates) < 4:
        raise ValueError(f"{op}: the loss is not finite at rates from {lowest:g} on; try a lower one")
    last = max(4, int(_average(losses).argmin()) + 1)  # beyond its lowest the loss only rises, and just before it
    steady = max(3, last - int(1 / (1 - SMOOTHING)))  # single batches already do
    smooth = _average(losses)
    smooth[:last] = _average(smooth[:last][::-1])[::-1]  # forth and back: no lag, and no noise at the start
    slopes = np.gradient(smooth[:last], np.log(rates[:last]))
    return LearningRates(np.array(rates), np.array(losses), smooth, float(rates[int(slopes[:steady].argmin())]))


def _average(values):
    """Moving averages, each without a bias to a beginning at 0."""
    found, mean = [], 0.0
    for i, value in enumerate(values, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * value
        found.append(mean / (1 - SMOOTHING**i))
    return np.array(found)


SMOOTHING = 0.9  # of the mean of losses: about ten steps
