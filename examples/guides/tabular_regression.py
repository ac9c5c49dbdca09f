"""Regression on a table of numbers and categories, with preprocessing inside the model.

    python tabular_regression.py [--epochs N] [--plot FILE.png]

The table is made here, honestly: prices of 6000 flats by area, rooms, age, distance and district, as a formula with
interactions gives them, and noise of 8 %. No model can do better than that noise, so its error is printed beside those
of a linear model and of a small network, on flats that neither has seen.
"""

import argparse

import numpy as np

import cygrad as keras
from cygrad import layers

DISTRICTS = np.array(["harbour", "hill", "market", "station", "university"])


def flats(n, seed):
    """A table as a dict of columns, and prices in thousands."""
    rng = np.random.default_rng(seed)
    table = {
        "area": rng.uniform(20, 160, n),
        "rooms": rng.integers(1, 7, n).astype(float),
        "age": rng.gamma(2.0, 20.0, n),
        "distance": rng.exponential(4.0, n),
        "district": rng.choice(DISTRICTS, n),
    }
    level = np.array([4.0, 5.5, 3.5, 2.5, 4.5])[np.searchsorted(DISTRICTS, table["district"])]
    crowded = np.maximum(table["rooms"] - table["area"] / 18, 0)
    value = table["area"] * level * np.exp(-0.06 * table["distance"]) * (0.6 + 0.4 * np.exp(-table["age"] / 30))
    value = value * 0.93**crowded
    return table, value, value * np.exp(rng.normal(0, 0.08, n))


def network(table, hidden):
    """Numbers are normalized and district is encoded by layers that have seen the table: the file holds all of it."""
    inputs, parts = {}, []
    for name, column in table.items():
        text = column.dtype.kind == "U"
        inputs[name] = keras.Input((1,), name=name, dtype="string" if text else "float32")
        layer = layers.StringLookup(output_mode="one_hot") if text else layers.Normalization()
        layer.adapt(column[:, None])
        parts.append(layer(inputs[name]))
    x = layers.Concatenate()(parts)
    for units in hidden:
        x = layers.Dense(units, activation="relu")(x)
    return keras.Model(inputs, layers.Dense(1)(x))


def error(estimate, price):
    """The mean of the relative errors, in percent."""
    return float(100 * np.mean(np.abs(estimate / price - 1)))


def plot(estimates, price, path):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    for axes, (name, estimate) in zip(figure.subplots(1, 2, sharey=True), estimates.items()):
        axes.scatter(price, estimate, s=3, color="#0072B2")
        axes.plot([10, 800], [10, 800], color="black", linewidth=0.8)
        axes.set(title=f"{name}: {error(estimate, price):.1f} %", xscale="log", yscale="log")
        axes.set(xlim=(10, 800), ylim=(10, 800))
    figure.supxlabel("price in thousands")
    figure.supylabel("estimate in thousands")
    figure.savefig(path, dpi=100)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--plot", help="a file for estimates and prices")
    arguments = parser.parse_args()
    keras.utils.set_random_seed(0)
    table, _, price = flats(6000, 1)
    unseen, value, unseen_price = flats(2000, 2)
    estimates = {}
    for name, hidden in (("Linear error", []), ("Network error", [64, 32])):
        model = network(table, hidden)
        rate = keras.optimizers.schedules.CosineDecay(0.01, arguments.epochs * 94)
        model.compile(keras.optimizers.Adam(rate), "mse")
        model.fit(table, np.log(price), batch_size=64, epochs=arguments.epochs, verbose=0)
        estimates[name] = np.exp(model.predict(unseen, verbose=0)[:, 0])
        print(f"{name}: {error(estimates[name], unseen_price):.2f}")
    print(f"Noise alone: {error(value, unseen_price):.2f}")
    for i, guess in enumerate(estimates["Network error"][:3]):
        flat = f"{unseen['area'][i]:.0f} m2, {unseen['rooms'][i]:.0f} rooms, {unseen['district'][i]}"
        print(f"  {flat}: {guess:.0f}, sold for {unseen_price[i]:.0f}")
    if arguments.plot:
        plot(estimates, unseen_price, arguments.plot)


if __name__ == "__main__":
    main()
