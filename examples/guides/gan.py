"""A GAN by overriding train_step: two models, two optimizers, one fit.

    python gan.py [--epochs N] [--plot FILE.png]

The real samples are points on a circle with some noise; the generator learns to make such points from random numbers.
"""

import argparse

import numpy as np

import cygrad as keras
from cygrad import layers, ops

parser = argparse.ArgumentParser(description="Points on a circle, made by a GAN")
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--plot", help="a file for the points")
options = parser.parse_args()
keras.utils.set_random_seed(1)


class GAN(keras.Model):
    def __init__(self, discriminator, generator, latent_dim):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.latent_dim = latent_dim
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")
        self.seed_generator = keras.random.SeedGenerator(1)

    @property
    def metrics(self):
        return [self.d_loss_tracker, self.g_loss_tracker]

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer = d_optimizer
        self.g_optimizer = g_optimizer
        self.loss_fn = loss_fn

    def train_step(self, real):
        batch = real.shape[0]
        noise = keras.random.normal((batch, self.latent_dim), seed=self.seed_generator)
        points = ops.concatenate([self.generator(noise), real], axis=0)
        labels = ops.concatenate([ops.ones((batch, 1)), ops.zeros((batch, 1))], axis=0)

        with keras.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(points))
        gradients = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(zip(gradients, self.discriminator.trainable_weights))

        noise = keras.random.normal((batch, self.latent_dim), seed=self.seed_generator)
        with keras.GradientTape() as tape:
            g_loss = self.loss_fn(ops.zeros((batch, 1)), self.discriminator(self.generator(noise)))
        gradients = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(gradients, self.generator.trainable_weights))

        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {"d_loss": self.d_loss_tracker.result(), "g_loss": self.g_loss_tracker.result()}


# The data
rng = np.random.default_rng(1)
angle = rng.uniform(0, 2 * np.pi, 4096)
real = np.stack([np.cos(angle), np.sin(angle)], 1) + rng.normal(size=(4096, 2)) * 0.05
real = real.astype("float32")

# The models
LATENT = 4
discriminator = keras.Sequential(
    [keras.Input((2,)), layers.Dense(64), layers.LeakyReLU(), layers.Dense(64), layers.LeakyReLU(), layers.Dense(1)],
    name="discriminator",
)
generator = keras.Sequential(
    [keras.Input((LATENT,)), layers.Dense(64, activation="relu"), layers.Dense(64, activation="relu"), layers.Dense(2)],
    name="generator",
)
gan = GAN(discriminator, generator, LATENT)
gan.compile(
    d_optimizer=keras.optimizers.Adam(0.001, beta_1=0.5),
    g_optimizer=keras.optimizers.Adam(0.001, beta_1=0.5),
    loss_fn=keras.losses.BinaryCrossentropy(from_logits=True),
)
gan.fit(real, batch_size=128, epochs=options.epochs, verbose=2)

# What it makes
made = generator.predict(rng.normal(size=(2000, LATENT)).astype("float32"), verbose=0)
radius, quarter = np.hypot(*made.T), np.histogram(np.arctan2(made[:, 1], made[:, 0]), 4, (-np.pi, np.pi))[0]
print(f"Mean radius: {radius.mean():.3f}")
print(f"Deviation of the radius: {radius.std():.3f}")
print(f"Smallest share of a quarter: {quarter.min() / len(made):.3f}")

if options.plot:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.6), layout="constrained")
    for axes, (name, points) in zip(figure.subplots(1, 2), {"real": real[:1000], "made": made[:1000]}.items()):
        axes.scatter(*points.T, s=4, color="#0072B2")
        axes.set(title=name, aspect="equal", xlim=(-1.4, 1.4), ylim=(-1.4, 1.4))
    figure.savefig(options.plot, dpi=100)
