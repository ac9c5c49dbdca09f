"""scikit-learn's MLPClassifier."""

import numpy as np

from .base import Framework, Unsupported


class Sklearn(Framework):
    name, package = "sklearn", "scikit-learn"

    def train(self, case, data):
        if case.model != "mlp":
            raise Unsupported("scikit-learn has dense layers only")
        from sklearn.neural_network import MLPClassifier

        x, y = np.concatenate([data["x"]] * case.steps), np.concatenate([data["y"]] * case.steps)
        model = MLPClassifier((64, 64), batch_size=case.batch, max_iter=1)
        model.partial_fit(x, y, classes=np.arange(10))

        def run():
            model.partial_fit(x, y)

        run.calls = case.steps
        return run, lambda: None  # its weights cannot be set before the first step: timed, not compared
