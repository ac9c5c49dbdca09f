"""Distiller against Keras: the same weights and data give the same losses, epoch by epoch."""

import numpy as np
import pytest

import cygrad

keras = pytest.importorskip("keras", reason="keras is not installed: nothing to compare with")
pytest.importorskip("keras.distillation", reason="this Keras has no keras.distillation")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 6)).astype("float32")
Y = RNG.integers(0, 3, 32)
WEIGHTS = [[(RNG.normal(size=shape) * 0.4).astype("float32") for shape in ((6, n), (n,), (n, 3), (3,))] for n in (8, 8)]
LOSSES = {
    "logits": lambda m: m.distillation.LogitsDistillation(2.0, m.losses.KLDivergence()),
    "logits by mse": lambda m: m.distillation.LogitsDistillation(2.0, loss="mse"),
    "features": lambda m: m.distillation.FeatureDistillation("mse", "hidden", "hidden"),
    "several": lambda m: [m.distillation.LogitsDistillation(loss="mae"), m.distillation.FeatureDistillation("mae")],
}


@pytest.mark.parametrize("name", LOSSES)
def test_history(name):
    def history(module):
        models = []
        for weights in WEIGHTS:
            hidden = module.layers.Dense(8, activation="relu", name="hidden")
            models.append(module.Sequential([module.Input((6,)), hidden, module.layers.Dense(3)]))
            models[-1].set_weights(weights)
        model = module.distillation.Distiller(*models, LOSSES[name](module), student_loss_weight=0.4)
        model.compile(
            optimizer=module.optimizers.SGD(0.1),
            loss=module.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        return model.fit(X, Y, epochs=3, batch_size=8, shuffle=False, verbose=0).history

    ours, theirs = history(cygrad), history(keras)
    assert ours.keys() == theirs.keys()
    for key in ours:
        np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-5, atol=1e-6, err_msg=key)
