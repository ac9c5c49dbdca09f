"""Regularizers and constraints: values by formula, gradients by finite differences, lookup, configurations."""

import json

import numpy as np
import pytest

from cygrad import GradientTape, Variable, constraints, regularizers
from cygrad.ops._backend import use_reference

rng = np.random.default_rng(0)
W = rng.normal(size=(4, 3))


def orthogonal(w, factor):
    u = w / np.linalg.norm(w, axis=1, keepdims=True)
    cosines = np.abs(u @ u.T)
    return factor * (cosines.sum() - np.trace(cosines)) / (len(w) * (len(w) - 1))


VALUES = {
    "l1": (regularizers.L1(0.3), lambda w: 0.3 * np.abs(w).sum()),
    "l2": (regularizers.L2(0.3), lambda w: 0.3 * (w**2).sum()),
    "both": (regularizers.L1L2(0.3, 0.2), lambda w: 0.3 * np.abs(w).sum() + 0.2 * (w**2).sum()),
    "none of both": (regularizers.L1L2(), lambda w: 0.0),
    "orthogonal rows": (regularizers.OrthogonalRegularizer(0.3), lambda w: orthogonal(w, 0.3)),
    "orthogonal columns": (regularizers.OrthogonalRegularizer(0.3, "columns"), lambda w: orthogonal(w.T, 0.3)),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_and_gradients(name):
    regularizer, formula = VALUES[name]
    assert float(regularizer(Variable(W))) == pytest.approx(formula(W.astype(np.float32)), rel=1e-5)
    with use_reference():
        v = Variable(W)
        with GradientTape() as tape:
            loss = regularizer(v)
        assert loss.shape == ()
        direction, step = rng.normal(size=W.shape), 1e-6
        slope = (formula(W + step * direction) - formula(W - step * direction)) / (2 * step)
        assert np.sum(np.asarray(tape.gradient(loss, v)) * direction) == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_names_and_defaults():
    assert regularizers.get("l1").l1 == 0.01 and regularizers.get("L2").l2 == 0.01
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.0, "l2": 0.0}
    assert regularizers.l1_l2(l1=0.1).l1 == 0.1 and regularizers.get(None) is None
    for regularizer, _ in VALUES.values():
        again = regularizers.deserialize(json.loads(json.dumps(regularizers.serialize(regularizer))))
        assert type(again) is type(regularizer) and again.get_config() == regularizer.get_config()

    def mine(w):
        return w

    assert regularizers.get(mine) is mine
    with pytest.raises(ValueError, match="unknown regularizer 'l3'"):
        regularizers.get("l3")
    with pytest.raises(ValueError, match="L1: l1 must be a finite number; got 'x'"):
        regularizers.L1("x")
    with pytest.raises(ValueError, match="L1L2: l2 must be a finite number; got nan"):
        regularizers.L1L2(l2=float("nan"))
    with pytest.raises(ValueError, match=r"OrthogonalRegularizer: expected a matrix; got shape \(3,\)"):
        regularizers.OrthogonalRegularizer()(Variable(np.ones(3)))


def test_a_regularizer_of_the_users():
    class Cube(regularizers.Regularizer):
        def __init__(self, factor):
            self.factor = factor

        def __call__(self, w):
            return self.factor * (w * w * w)

    assert regularizers.serialize(Cube(2)) == {"class_name": "Cube", "config": {"factor": 2}}
    assert regularizers.deserialize(regularizers.serialize(Cube(2)), {"Cube": Cube}).factor == 2


def norms(w, axis=0):
    return np.linalg.norm(np.asarray(w, np.float64), axis=axis)


def test_constraints():
    w = Variable(W * 3)
    assert np.array_equal(constraints.NonNeg()(w), np.maximum(np.asarray(w), 0))
    np.testing.assert_allclose(norms(constraints.UnitNorm()(w)), 1, rtol=1e-5)
    np.testing.assert_allclose(norms(constraints.UnitNorm(axis=1)(w), 1), 1, rtol=1e-5)
    np.testing.assert_allclose(norms(constraints.MaxNorm(2.5)(w)), np.minimum(norms(w), 2.5), rtol=1e-5)
    np.testing.assert_allclose(
        norms(constraints.MinMaxNorm(4.0, 5.0, rate=0.5)(w)), (np.clip(norms(w), 4, 5) + norms(w)) / 2, rtol=1e-5
    )
    kernel = Variable(rng.normal(size=(3, 3, 2, 4)))
    flat = np.asarray(constraints.UnitNorm(axis=[0, 1, 2])(kernel)).reshape(-1, 4)
    np.testing.assert_allclose(norms(flat), 1, rtol=1e-5)


def test_constraint_names():
    for name in ("max_norm", "MinMaxNorm", "non_neg", "unit_norm"):
        constraint = constraints.get(name)
        again = constraints.deserialize(json.loads(json.dumps(constraints.serialize(constraint))))
        assert type(again) is type(constraint) and again.get_config() == constraint.get_config()
    assert constraints.get("max_norm").get_config() == {"max_value": 2, "axis": 0}
    with pytest.raises(ValueError, match=r"unknown constraint 'maxnorm'\. Did you mean"):
        constraints.get("maxnorm")
