"""KerasClassifier and KerasRegressor: models of one's own as scikit-learn's estimators."""

import contextlib
import copy

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from .. import losses
from ..models import Model
from ..random import seeded


class _Wrapper(BaseEstimator):
    def __init__(
        self,
        model,
        *,
        epochs=1,
        batch_size=32,
        verbose=0,
        model_kwargs=None,
        fit_kwargs=None,
        warm_start=False,
        random_state=None,
    ):
        self.model = model
        self.epochs = epochs
        self.batch_size = batch_size
        self.verbose = verbose
        self.model_kwargs = model_kwargs
        self.fit_kwargs = fit_kwargs
        self.warm_start = warm_start
        self.random_state = random_state

    def _made(self, X, y):
        """The model to train: the function's, or a copy of the one given."""
        if self.warm_start and hasattr(self, "model_"):
            return self.model_
        kind = type(self).__name__
        if isinstance(self.model, Model):
            if self.model_kwargs:
                raise ValueError(f"{kind}: model_kwargs are for a function that builds the model; got a {self.model!r}")
            model = copy.deepcopy(self.model)
        elif callable(self.model):
            model = self.model(X, y, **(self.model_kwargs or {}))
        else:
            raise TypeError(f"{kind}: model must be a compiled model, or a function of X and y; got {self.model!r}")
        if not isinstance(model, Model):
            raise TypeError(f"{kind}: model(X, y) must give a model; got {type(model).__name__}")
        if getattr(model, "optimizer", None) is None:
            raise ValueError(f"{kind}: the model is not compiled; call model.compile(optimizer, loss) first")
        return model

    def fit(self, X, y, sample_weight=None, **kwargs):
        """Trains the model, a new one unless warm_start. kwargs go to Model.fit, after fit_kwargs."""
        X, y = self._checked(X, y)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X).astype(np.float32)
        seed = None if self.random_state is None else int(check_random_state(self.random_state).randint(2**31))
        with seeded(seed) if seed is not None else contextlib.nullcontext():
            self.model_ = self._made(X, y)
            arguments = {"epochs": self.epochs, "batch_size": self.batch_size, "verbose": self.verbose}
            arguments |= {**(self.fit_kwargs or {}), **kwargs}
            history = self.model_.fit(X, self._for_loss(y), sample_weight=sample_weight, **arguments)
        self.history_ = history.history
        self.n_iter_ = len(history.epoch)
        return self

    def _validated(self, X, y, numeric):
        options = {"dtype": (np.float32, np.float64, np.int32, np.int64), "allow_nd": True, "multi_output": True}
        return validate_data(self, X, y, accept_sparse=["csr"], y_numeric=numeric, **options)

    def _outputs(self, X):
        check_is_fitted(self)
        options = {"dtype": (np.float32, np.float64, np.int32, np.int64), "allow_nd": True}
        X = validate_data(self, X, accept_sparse=["csr"], reset=False, **options)
        return np.asarray(self.model_.predict(X, batch_size=max(self.batch_size or 32, 256), verbose=0), np.float64)

    def __sklearn_is_fitted__(self):
        return hasattr(self, "model_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class KerasClassifier(ClassifierMixin, _Wrapper):
    """A model as a classifier: KerasClassifier(model, epochs=1, batch_size=32, verbose=0, model_kwargs=None, ...).

    model: a function of X and y (checked, y as numbers 0, 1, ...) and of model_kwargs that gives a compiled model; or a
    compiled model, of which each fit trains a copy. The others: fit_kwargs=None, more arguments of Model.fit;
    warm_start=False: go on with the model of the last fit; random_state=None.

    Labels of any type. What the loss wants is made of them: numbers, one-hot rows for categorical ones, zeros and ones
    for one output. Attributes: model_, classes_, history_, n_iter_, n_features_in_. GridSearchCV over epochs,
    batch_size, or model_kwargs=[{"units": 8}, {"units": 32}].

    >>> def build(X, y, units=8):
    ...     model = cygrad.Sequential([cygrad.Input(X.shape[1:]), cygrad.layers.Dense(units, "relu")])
    ...     model.add(cygrad.layers.Dense(len(np.unique(y)), "softmax"))
    ...     model.compile("adam", "sparse_categorical_crossentropy")
    ...     return model
    >>> X, y = np.array([[0.0], [1.0], [2.0]] * 30), np.array(["a", "b", "c"] * 30)
    >>> network = cygrad.sklearn.KerasClassifier(build, epochs=150, random_state=0, model_kwargs={"units": 16})
    >>> network.fit(X, y).predict([[0.0], [2.0]]).tolist()
    ['a', 'c']
    """

    def _checked(self, X, y):
        X, y = self._validated(X, y, False)
        check_classification_targets(y)
        if type_of_target(y, input_name="y") == "multilabel-indicator":
            self.classes_, self._multilabel = np.arange(y.shape[1]), True
            return X, np.asarray(y.toarray() if hasattr(y, "toarray") else y, np.float32)
        y = column_or_1d(y, warn=True)
        self._multilabel = False
        self.classes_, numbers = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"KerasClassifier: y has one class only, {self.classes_[0]!r}; expected at least two")
        return X, numbers.astype(np.int32)

    def _for_loss(self, y):
        loss = losses.get(self.model_.loss) if not isinstance(self.model_.loss, (list, dict)) else None
        name = getattr(loss, "name", None) or getattr(loss, "__name__", "")
        if self._multilabel or "categorical" not in name or "sparse" in name:
            return y
        return np.eye(len(self.classes_), dtype=np.float32)[y]

    def predict_proba(self, X):
        """The model's output as probabilities of classes_, [N, classes]."""
        p = self._outputs(X)
        return np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 and not self._multilabel else p

    def predict(self, X):
        """The most probable class of each sample, or its labels."""
        p = self.predict_proba(X)
        return (p > 0.5).astype(int) if self._multilabel else self.classes_[p.argmax(axis=1)]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class KerasRegressor(RegressorMixin, _Wrapper):
    """A model as a regressor: KerasRegressor(model, epochs=1, batch_size=32, ...); the arguments of KerasClassifier.

    y: one number a sample, or several. Attributes: model_, history_, n_iter_, n_features_in_.

    >>> def build(X, y):
    ...     model = cygrad.Sequential([cygrad.Input(X.shape[1:]), cygrad.layers.Dense(1)])
    ...     model.compile(cygrad.optimizers.SGD(0.1), "mse")
    ...     return model
    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> network = cygrad.sklearn.KerasRegressor(build, epochs=50, random_state=0).fit(X, 3 * X[:, 0])
    >>> bool(network.score(X, 3 * X[:, 0]) > 0.99)
    True
    """

    def _checked(self, X, y):
        X, y = self._validated(X, y, True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._columns = y.ndim > 1
        return X, np.asarray(y, np.float32)

    def _for_loss(self, y):
        return y

    def predict(self, X):
        """The model's output, [N], or [N, outputs]."""
        y = self._outputs(X)
        return y if self._columns else y.reshape(len(y))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
