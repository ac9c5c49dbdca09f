"""A GRU that forecasts a time series, against the two forecasts that need no network.

    python time_series_gru.py [--epochs N] [--plot FILE.png]

The series is made here: the temperature of an imagined place, hour by hour for two years, with days, seasons and
weather that wanders. From the last three days the GRU says the temperature six hours ahead.
"""

import argparse

import numpy as np

import cygrad as keras
from cygrad import layers

parser = argparse.ArgumentParser(description="Temperatures six hours ahead, by a GRU")
parser.add_argument("--epochs", type=int, default=6)
parser.add_argument("--plot", help="a file for a week of temperatures and their forecasts")
options = parser.parse_args()
keras.utils.set_random_seed(1)

# The data
HOURS, PAST, AHEAD = 2 * 365 * 24, 72, 6
rng, hour = np.random.default_rng(1), np.arange(HOURS)
weather = np.zeros(HOURS)
for t in range(1, HOURS):
    weather[t] = 0.98 * weather[t - 1] + rng.normal() * 0.5
season, day = np.sin(2 * np.pi * hour / (365 * 24)), np.sin(2 * np.pi * hour / 24)
temperature = 12 - 8 * season + (4 + 2 * season) * day + weather
features = np.stack([temperature, day, np.cos(2 * np.pi * hour / 24)], 1).astype("float32")
split = int(HOURS * 0.7)
mean, deviation = features[:split].mean(0), features[:split].std(0)
scaled = (features - mean) / deviation


def windows(begin, end):
    starts = np.arange(begin, end - PAST - AHEAD)
    x = scaled[starts[:, None] + np.arange(PAST)]
    return x, scaled[starts + PAST - 1 + AHEAD, 0], starts


x_train, y_train, _ = windows(0, split)
x_test, y_test, starts = windows(split, HOURS)

# The model
model = keras.Sequential([keras.Input((PAST, 3)), layers.GRU(32), layers.Dense(1)])
model.compile(optimizer=keras.optimizers.Adam(0.003), loss="mse", metrics=["mae"])
stop = keras.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
model.fit(x_train, y_train, epochs=options.epochs, batch_size=64, validation_split=0.1, callbacks=[stop], verbose=2)

# Evaluation, in degrees
truth = temperature[starts + PAST - 1 + AHEAD]
degrees = model.predict(x_test, verbose=0)[:, 0] * deviation[0] + mean[0]
print(f"Mean error of the GRU: {np.abs(degrees - truth).mean():.2f}")
print(f"Mean error of no change: {np.abs(temperature[starts + PAST - 1] - truth).mean():.2f}")
print(f"Mean error of yesterday: {np.abs(temperature[starts + PAST - 1 + AHEAD - 24] - truth).mean():.2f}")

if options.plot:
    from matplotlib.figure import Figure

    week = np.arange(7 * 24)
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(week / 24, truth[week], color="black", label="temperature")
    axes.plot(week / 24, degrees[week], "--", color="#D55E00", label=f"forecast, {AHEAD} hours before")
    axes.set(xlabel="day", ylabel="degrees Celsius")
    axes.legend(frameon=False)
    figure.savefig(options.plot, dpi=100)
