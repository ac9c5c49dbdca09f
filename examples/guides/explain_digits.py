"""What a network looks at: four explanations of the digits it reads, and those of other packages.

    python explain_digits.py [--epochs N] [--plot FILE.png] [--shap] [--lime]

The digits that come with cygrad, 8 x 8 pixels, enlarged to 16 x 16. cygrad.explain gives the gradient of the answer,
gradients along a path from a black picture, Grad-CAM and occlusion; --shap and --lime ask the packages of these names,
which need nothing but model.predict. As a check, the pixels that integrated gradients hold to count most are set to
black, and as many others: the first must cost more right answers.
"""

import argparse

import numpy as np

import cygrad as keras
from cygrad import explain, layers

parser = argparse.ArgumentParser(description="What a network looks at when it reads digits")
parser.add_argument("--epochs", type=int, default=25)
parser.add_argument("--plot", help="a file for the pictures and their explanations")
parser.add_argument("--shap", action="store_true", help="Shapley values of one picture by the package shap")
parser.add_argument("--lime", action="store_true", help="a local linear model of one picture by the package lime")
options = parser.parse_args()
keras.utils.set_random_seed(1)

# The data and the network
(x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
x_train, x_test = (np.kron(x / 16.0, np.ones((1, 2, 2)))[..., None].astype("float32") for x in (x_train, x_test))
model = keras.Sequential(
    [
        keras.Input((16, 16, 1)),
        layers.Conv2D(16, 3, padding="same", activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(32, 3, padding="same", activation="relu"),
        layers.Conv2D(48, 3, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x_train, y_train, epochs=options.epochs, verbose=0)
print(f"Test accuracy: {model.evaluate(x_test, y_test, verbose=0, return_dict=True)['accuracy']:.3f}")

# Do the pixels that are said to count, count?
given = explain.integrated_gradients(model, x_test, target=y_test)[..., 0]
inked = x_test[..., 0] > 0
rng = np.random.default_rng(1)
for name, worth in {"important": given, "other": rng.random(given.shape)}.items():
    worth = np.where(inked, worth, -np.inf)
    border = np.sort(worth.reshape(len(worth), -1))[:, -16][:, None, None]  # sixteen pixels of 256
    hidden = np.where(worth >= border, 0, x_test[..., 0])[..., None]
    accuracy = model.evaluate(hidden, y_test, verbose=0, return_dict=True)["accuracy"]
    print(f"Accuracy without {name} pixels: {accuracy:.3f}")

first = [int(np.flatnonzero(y_test == digit)[0]) for digit in (2, 3, 4, 7)]
x, said = x_test[first], y_test[first]
explanations = {
    "saliency": explain.saliency(model, x, said)[..., 0],
    "integrated\ngradients": explain.integrated_gradients(model, x, said)[..., 0],
    "Grad-CAM": explain.grad_cam(model, x, said),
    "occlusion": explain.occlusion(model, x, said, size=4),
}

if options.shap:
    import shap

    explainer = shap.Explainer(lambda a: model.predict(a, verbose=0), shap.maskers.Image(np.zeros((16, 16, 1))))
    found = explainer(x[:1], max_evals=600, outputs=[int(said[0])])
    print(f"Sum of the Shapley values: {found.values.sum():.3f}")
    explanations["shap"] = np.concatenate([found.values.reshape(1, 16, 16), np.zeros((3, 16, 16))])
if options.lime:
    from lime.lime_image import LimeImageExplainer

    def odds_of_colours(pictures):
        return model.predict(pictures[..., :1].astype("float32"), verbose=0)

    squares = np.kron(np.arange(64).reshape(8, 8), np.ones((2, 2), int))
    found = LimeImageExplainer(random_state=1).explain_instance(
        np.repeat(x[0], 3, -1).astype("float64"), odds_of_colours, labels=(int(said[0]),), top_labels=None,
        hide_color=0, num_samples=500, segmentation_fn=lambda picture: squares,
    )  # fmt: skip
    weights = dict(found.local_exp[int(said[0])])
    print(f"Largest weight by lime: {max(weights.values()):.3f}")
    lime = np.vectorize(weights.get)(squares)
    explanations["lime"] = np.concatenate([lime[None], np.zeros((3, 16, 16))])

if options.plot:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.35 * (1 + len(explanations)), 5.6), layout="constrained")
    panels = figure.subplots(len(x), 1 + len(explanations))
    for axes in panels.flat:
        axes.set_axis_off()
    for row, picture, *maps in zip(panels, x, *explanations.values()):
        row[0].imshow(picture[..., 0], cmap="gray_r")
        for axes, shown in zip(row[1:], maps):
            limit = np.abs(shown).max()
            if limit:
                axes.imshow(shown, cmap="RdBu_r", vmin=-limit, vmax=limit)
                axes.contour(picture[..., 0], [0.4], colors="black", linewidths=0.6)
    for axes, title in zip(panels[0], ("picture", *explanations)):
        axes.set_title(title, fontsize=10)
    figure.savefig(options.plot, dpi=100)
