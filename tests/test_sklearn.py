"""The estimators of cygrad.sklearn: scikit-learn's own checks, its tools around them, and what is said of them."""

import copy
import pickle
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

sklearn = pytest.importorskip("sklearn", reason="scikit-learn is not installed (pip install cygrad[sklearn])")

from sklearn.base import clone  # noqa: E402
from sklearn.datasets import load_digits, make_classification, make_regression  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

import cygrad  # noqa: E402
from cygrad import Input, Sequential, layers, optimizers  # noqa: E402
from cygrad.sklearn import KerasClassifier, KerasRegressor, MLPClassifier, MLPRegressor  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def classifier(X, y, units=16):
    """What KerasClassifier builds: one column of labels, or several."""
    several = y.ndim > 1
    outputs = layers.Dense(y.shape[1], "sigmoid") if several else layers.Dense(len(np.unique(y)), "softmax")
    model = Sequential([Input(X.shape[1:]), layers.Dense(units, "relu"), outputs])
    model.compile(optimizers.Adam(0.02), "binary_crossentropy" if several else "sparse_categorical_crossentropy")
    return model


def regressor(X, y):
    outputs = layers.Dense(1 if y.ndim == 1 else y.shape[1])
    model = Sequential([Input(X.shape[1:]), layers.Dense(16, "relu"), outputs])
    model.compile(optimizers.Adam(0.02), "mse")
    return model


ESTIMATORS = [
    MLPClassifier(max_iter=100),
    MLPClassifier(max_iter=100, solver="sgd", learning_rate_init=0.05),
    MLPRegressor(max_iter=100),
    KerasClassifier(classifier, epochs=30),
    KerasRegressor(regressor, epochs=60),
]
BATCHES = "samples of weight 0 and repeated ones take places in mini-batches, which changes the steps"
EXPECTED = {f"check_sample_weight_equivalence_on_{kind}_data": BATCHES for kind in ("dense", "sparse")}


@parametrize_with_checks(ESTIMATORS, expected_failed_checks=lambda estimator: EXPECTED)
def test_scikit_learn_s_checks(estimator, check):
    check(estimator)


# ---- learning ----


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X / 16, y, random_state=0, stratify=y)


@pytest.mark.parametrize(
    "options", [{}, {"solver": "sgd", "learning_rate_init": 0.1}, {"early_stopping": True}], ids=str
)
def test_digits(digits, options):
    X, X_test, y, y_test = digits
    network = MLPClassifier(max_iter=80, random_state=1, **options).fit(X, y)
    assert network.score(X_test, y_test) > 0.93
    assert len(network.loss_curve_) == network.n_iter_ <= 80 and network.loss_curve_[-1] < network.loss_curve_[0]
    assert [c.shape for c in network.coefs_] == [(64, 100), (100, 10)]
    assert [b.shape for b in network.intercepts_] == [(100,), (10,)]
    assert network.n_layers_ == 3 and network.n_outputs_ == 10 and network.out_activation_ == "softmax"
    np.testing.assert_allclose(network.predict_proba(X_test).sum(1), 1, rtol=1e-5)
    if options.get("early_stopping"):
        assert len(network.validation_scores_) == network.n_iter_ and network.best_loss_ is None
        assert network.best_validation_score_ == max(network.validation_scores_) > 0.9
    else:
        assert network.best_loss_ == min(network.loss_curve_) and network.validation_scores_ is None


def test_the_loss_is_scikit_learn_s():
    """The first epoch's loss of one batch: cross-entropy and penalty as scikit-learn has them, for given weights."""
    from sklearn.neural_network import MLPClassifier as Theirs

    X, y = make_classification(60, 5, n_informative=3, n_classes=3, random_state=0)
    for labels in (y, (y == 1).astype(int), np.eye(3, dtype=int)[y]):
        mine = MLPClassifier((7,), alpha=0.5, batch_size=60, max_iter=1, learning_rate_init=1e-9, random_state=0)
        theirs = Theirs((7,), alpha=0.5, batch_size=60, max_iter=1, learning_rate_init=1e-9, random_state=0)
        mine.fit(X, labels)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs.fit(X, labels)
            theirs.coefs_, theirs.intercepts_ = mine.coefs_, mine.intercepts_
            theirs.set_params(warm_start=True).fit(X, labels)
        assert mine.loss_ == pytest.approx(theirs.loss_, rel=1e-4)
        np.testing.assert_allclose(mine.predict_proba(X), theirs.predict_proba(X), atol=1e-5)


def test_regression_of_several_outputs():
    X, y = make_regression(300, 6, n_targets=2, random_state=0)
    y = y / y.std(0)
    network = make_pipeline(StandardScaler(), MLPRegressor((50,), learning_rate_init=0.01, random_state=0)).fit(X, y)
    assert network.score(X, y) > 0.95 and network.predict(X).shape == (300, 2)


def test_labels_of_their_own():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    y = (X[:, :3] + X[:, 1:] > 0).astype(int)
    network = MLPClassifier((32,), learning_rate_init=0.02, max_iter=100, random_state=0).fit(X, y)
    assert network.score(X, y) > 0.8 and network.predict(X).shape == (300, 3)
    assert network.predict_proba(X).shape == (300, 3)


@pytest.mark.parametrize("cls", [MLPClassifier, KerasClassifier])
def test_strings_as_labels(cls):
    X, y = make_classification(200, random_state=0)
    names = np.array(["no", "yes"])[y]
    arguments = {"model": classifier, "epochs": 30} if cls is KerasClassifier else {"max_iter": 100}
    network = cls(**arguments, random_state=0).fit(X, names)
    assert network.classes_.tolist() == ["no", "yes"] and network.score(X, names) > 0.9
    assert network.predict_proba(X).shape == (200, 2)


def test_sample_weights_count():
    """Of two contradicting halves, the heavy one wins."""
    X = np.zeros((200, 1))
    y = np.repeat([0.0, 1.0], 100)
    network = MLPRegressor((4,), learning_rate_init=0.02, max_iter=300, n_iter_no_change=300, random_state=0)
    assert network.fit(X, y, sample_weight=np.where(y, 9.0, 1.0)).predict([[0.0]])[0] == pytest.approx(0.9, abs=0.03)


# ---- going on ----


def test_partial_fit_is_a_pass_and_fit_begins_anew(digits):
    X, _, y, _ = digits
    network = MLPClassifier(random_state=0, max_iter=3)
    for _ in range(3):
        network.partial_fit(X, y, classes=np.arange(10))
    assert len(network.loss_curve_) == 3
    whole = MLPClassifier(random_state=0, max_iter=3).fit(X, y)
    np.testing.assert_array_equal(network.predict_proba(X), whole.predict_proba(X))
    assert network.fit(X, y).n_iter_ == 3
    np.testing.assert_array_equal(network.predict_proba(X), whole.predict_proba(X))


def test_warm_start_goes_on(digits):
    X, _, y, _ = digits
    network = MLPClassifier(random_state=0, max_iter=5, warm_start=True)
    first = network.fit(X, y).loss_
    assert network.fit(X, y).loss_curve_[0] < first
    with pytest.raises(ValueError, match="warm_start can only go on with the same classes"):
        network.fit(X[y < 5], y[y < 5])


def test_the_same_random_state_gives_the_same_bits_and_leaves_the_global_stream_alone(digits):
    X, _, y, _ = digits
    cygrad.utils.set_random_seed(1)
    wanted = cygrad.random.normal((3,)).numpy()
    cygrad.utils.set_random_seed(1)
    arguments = {"model": classifier, "epochs": 2, "random_state": 3}
    results = [
        [cls.fit(X, y).predict_proba(X) for _ in range(2)]
        for cls in (MLPClassifier(random_state=3, max_iter=3), KerasClassifier(**arguments))
    ]
    for first, second in results:
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(cygrad.random.normal((3,)).numpy(), wanted)


def test_training_that_has_not_converged_is_told():
    X, y = make_classification(100, random_state=0)
    with pytest.warns(ConvergenceWarning, match="max_iter: 2 epochs are over"):
        MLPClassifier(max_iter=2, random_state=0).fit(X, y)


def test_learning_rates_of_sgd():
    X, y = make_regression(100, 3, random_state=0)
    y = y / y.std()
    common = {"solver": "sgd", "hidden_layer_sizes": (5,), "random_state": 0, "learning_rate_init": 0.01}
    adaptive = MLPRegressor(learning_rate="adaptive", max_iter=2000, tol=1e-2, n_iter_no_change=3, **common).fit(X, y)
    assert adaptive.model_.optimizer.learning_rate < 1e-6
    scaled = MLPRegressor(learning_rate="invscaling", max_iter=5, **common).fit(X, y)
    assert scaled.model_.optimizer.learning_rate == pytest.approx(0.01 / np.sqrt(501))


# ---- scikit-learn's tools ----


def test_grid_search_on_two_processes(digits):
    X, X_test, y, y_test = digits
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(random_state=0, max_iter=10))
    grid = {"mlpclassifier__hidden_layer_sizes": [(2,), (40,)], "mlpclassifier__alpha": [1e-4]}
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X, y)
    assert search.best_params_["mlpclassifier__hidden_layer_sizes"] == (40,)
    assert search.score(X_test, y_test) > 0.7


def test_grid_search_over_a_model_s_arguments(digits):
    X, _, y, _ = digits
    network = KerasClassifier(classifier, epochs=3, random_state=0)
    search = GridSearchCV(network, {"model_kwargs": [{"units": 1}, {"units": 32}], "batch_size": [32]}, cv=2, n_jobs=2)
    assert search.fit(X, y).best_params_["model_kwargs"] == {"units": 32}


def test_cross_validation_clones(digits):
    X, _, y, _ = digits
    scores = cross_val_score(MLPClassifier(max_iter=20, random_state=0), X, y, cv=3)
    assert scores.min() > 0.85


def test_a_compiled_model_is_copied_not_trained(digits):
    X, _, y, _ = digits
    model = classifier(X, y)
    before = [w.copy() for w in model.get_weights()]
    network = KerasClassifier(model, epochs=3, random_state=0)
    assert network.fit(X, y).score(X, y) > 0.8
    assert clone(network).fit(X, y).score(X, y) > 0.8
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "sparse_categorical_crossentropy"])
def test_labels_are_made_to_fit_the_loss(digits, loss):
    X, _, y, _ = digits
    model = Sequential([Input((64,)), layers.Dense(10, "softmax")])
    model.compile(optimizers.Adam(0.02), loss)
    assert KerasClassifier(model, epochs=10).fit(X, y).score(X, y) > 0.9


def test_binary_by_one_output():
    X, y = make_classification(200, random_state=0)
    model = Sequential([Input((20,)), layers.Dense(8, "relu"), layers.Dense(1, "sigmoid")])
    model.compile(optimizers.Adam(0.02), "binary_crossentropy")
    network = KerasClassifier(model, epochs=30).fit(X, y)
    assert network.score(X, y) > 0.9 and network.predict_proba(X).shape == (200, 2)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__ + getattr(e, "solver", ""))
@pytest.mark.parametrize("way", [lambda e: pickle.loads(pickle.dumps(e)), copy.deepcopy], ids=["pickle", "deepcopy"])
def test_copies_predict_the_same(estimator, way):
    X, y = make_classification(80, random_state=0)
    fitted = clone(estimator).fit(X, y)
    np.testing.assert_array_equal(way(fitted).predict(X), fitted.predict(X))


def test_joblib(tmp_path):
    import joblib

    X, y = make_classification(80, random_state=0)
    fitted = MLPClassifier(max_iter=5).fit(X, y)
    joblib.dump(fitted, tmp_path / "network.joblib")
    np.testing.assert_array_equal(joblib.load(tmp_path / "network.joblib").predict(X), fitted.predict(X))


# ---- errors ----


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"solver": "lbfgs"}, "solver='lbfgs' is not there; expected 'adam' or 'sgd'"),
        ({"solver": "rmsprop"}, "solver must be one of 'adam', 'sgd'; got 'rmsprop'"),
        ({"activation": "gelu"}, "activation must be one of 'identity', 'logistic'"),
        ({"hidden_layer_sizes": (0,)}, r"hidden_layer_sizes must hold positive integers; got \(0,\)"),
        ({"alpha": -1}, r"alpha must be a number in \[0"),
        ({"max_iter": 0}, r"max_iter must be an integer in \[1"),
        ({"learning_rate_init": 0}, r"learning_rate_init must be a number in \(0"),
        ({"validation_fraction": 1.0}, r"validation_fraction must be a number in \(0, 1\)"),
        ({"batch_size": 0}, "batch_size must be an integer"),
        ({"learning_rate_init": 1e30}, "the loss is not finite: the weights have grown without end"),
    ],
)
def test_arguments_are_checked(arguments, message):
    X, y = make_regression(50, 3, random_state=0)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=message):
        MLPRegressor(**{"max_iter": 20, **arguments}).fit(X, y)


def test_calls_are_checked():
    X, y = make_classification(40, random_state=0)
    with pytest.raises(ValueError, match="partial_fit: classes must be given in the first call"):
        MLPClassifier().partial_fit(X, y)
    with pytest.raises(ValueError, match="are not those of the first call"):
        MLPClassifier().partial_fit(X, y, classes=[0, 1]).partial_fit(X, y, classes=[0, 2])
    with pytest.raises(ValueError, match=r"y has the labels \[1\], which are not among classes \[0, 2\]"):
        MLPClassifier().partial_fit(X, y, classes=[0, 2])
    with pytest.raises(TypeError, match="model must be a compiled model, or a function of X and y; got 3"):
        KerasClassifier(3).fit(X, y)
    with pytest.raises(ValueError, match="the model is not compiled"):
        KerasClassifier(lambda X, y: Sequential([layers.Dense(2)])).fit(X, y)
    with pytest.raises(ValueError, match="model_kwargs are for a function"):
        KerasClassifier(classifier(X, y), model_kwargs={"units": 3}).fit(X, y)


def test_the_documents_programs_run(capsys):
    page = (Path(__file__).parents[1] / "docs" / "sklearn.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(compile(block, "docs/sklearn.md", "exec"), {})
    scores = [float(line) for line in capsys.readouterr().out.split()]
    assert len(scores) == 2 and min(scores) > 0.9


def test_without_scikit_learn_the_error_says_what_to_install():
    code = "import sys; sys.modules['sklearn'] = None; import cygrad; cygrad.sklearn"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install cygrad[sklearn]" in done.stderr and "ImportError" in done.stderr


def test_importing_cygrad_does_not_import_scikit_learn():
    code = "import sys, cygrad; cygrad.layers, cygrad.models; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
