"""Regression on a table of numbers and categories, with preprocessing inside the model.

The table is made here, honestly: prices of 6000 flats by area, rooms, age, distance and district, as a formula with
interactions gives them, and noise of 8 %. No model can do better than that noise, so its error is printed beside those
of a linear model and of a small network, on flats that neither has seen.

    python examples/guides/tabular_regression.py [--epochs 30]
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


def error(model, table, price):
    """The mean of the relative errors, in percent: the model gives logarithms."""
    return float(100 * np.mean(np.abs(np.exp(model.predict(table, verbose=0)[:, 0]) / price - 1)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=30)
    arguments = parser.parse_args()
    keras.utils.set_random_seed(0)
    table, _, price = flats(6000, 1)
    unseen, value, unseen_price = flats(2000, 2)
    for name, hidden in (("Linear error", []), ("Network error", [64, 32])):
        model = network(table, hidden)
        rate = keras.optimizers.schedules.CosineDecay(0.01, arguments.epochs * 94)
        model.compile(keras.optimizers.Adam(rate), "mse")
        model.fit(table, np.log(price), batch_size=64, epochs=arguments.epochs, verbose=0)
        print(f"{name}: {error(model, unseen, unseen_price):.2f}")
    print(f"Noise alone: {100 * np.mean(np.abs(value / unseen_price - 1)):.2f}")
    some = {name: column[:3] for name, column in unseen.items()}
    for i, guess in enumerate(np.exp(model.predict(some, verbose=0)[:, 0])):
        flat = f"{some['area'][i]:.0f} m2, {some['rooms'][i]:.0f} rooms, {some['district'][i]}"
        print(f"  {flat}: {guess:.0f}, sold for {unseen_price[i]:.0f}")


if __name__ == "__main__":
    main()
