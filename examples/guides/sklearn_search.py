"""scikit-learn's tools around a cygrad network: scaling, cross-validation and a search for its size and learning rate.

    python sklearn_search.py [--jobs N] [--plot FILE.png]

The digits that come with cygrad, a Pipeline of StandardScaler and MLPClassifier, and GridSearchCV over twelve settings
in three parts each; then the best one is measured on digits that the search has not seen. Needs scikit-learn.
"""

import argparse

import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import cygrad
from cygrad.sklearn import MLPClassifier

UNITS, RATES = [(8,), (16,), (32,), (64,)], [0.001, 0.003, 0.01]


def plot(results, path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    mean = 100 * results["mean_test_score"].reshape(len(UNITS), len(RATES))
    spread = 100 * results["std_test_score"].reshape(mean.shape)
    widths = [units for (units,) in UNITS]
    for i, (rate, marker) in enumerate(zip(RATES, "osd")):
        places = np.array(widths) * 1.03 ** (i - 1)  # side by side, so that the bars do not cover each other
        axes.errorbar(places, mean[:, i], spread[:, i], marker=marker, capsize=3, label=f"learning rate {rate:g}")
    axes.set(xscale="log", xlabel="hidden units", ylabel="accuracy in three parts, %")
    axes.set_xticks(widths, labels=map(str, widths))
    axes.minorticks_off()
    axes.legend()
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2, help="how many processes search")
    parser.add_argument("--plot", help="a file for the accuracies")
    arguments = parser.parse_args()
    (x, y), (x_test, y_test) = cygrad.datasets.digits.load_data()
    x, x_test = x.reshape(len(x), -1), x_test.reshape(len(x_test), -1)
    network = make_pipeline(StandardScaler(), MLPClassifier(max_iter=500, early_stopping=True, random_state=0))
    grid = {"mlpclassifier__hidden_layer_sizes": UNITS, "mlpclassifier__learning_rate_init": RATES}
    search = GridSearchCV(network, grid, cv=3, n_jobs=arguments.jobs).fit(x, y)
    for name, value in search.best_params_.items():
        print(f"Best {name.partition('__')[2]}: {value}")
    print(f"Accuracy in the search: {search.best_score_:.3f}")
    print(f"Test accuracy: {search.score(x_test, y_test):.3f}")
    if arguments.plot:
        plot(search.cv_results_, arguments.plot)


if __name__ == "__main__":
    main()
