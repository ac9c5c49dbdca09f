"""Networks as scikit-learn's estimators: MLPClassifier, MLPRegressor, and models of one's own, KerasClassifier,
KerasRegressor.

They stand wherever scikit-learn's own do: Pipeline, GridSearchCV, cross_val_score, clone, pickle, joblib; its estimator
checks pass. Needs scikit-learn: pip install cygrad[sklearn].
"""

try:
    from sklearn.utils.validation import validate_data  # noqa: F401 (scikit-learn 1.6 brought it)
except ImportError as error:
    raise ImportError(
        f"cygrad.sklearn needs scikit-learn 1.6 or later ({error}); install it with: pip install cygrad[sklearn]"
    ) from error

from .mlp import MLPClassifier, MLPRegressor
from .wrappers import KerasClassifier, KerasRegressor

__all__ = ["KerasClassifier", "KerasRegressor", "MLPClassifier", "MLPRegressor"]
