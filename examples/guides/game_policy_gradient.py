"""A pole balanced by policy gradient (REINFORCE): the network learns a game from its score alone.

    python game_policy_gradient.py [--updates N] [--plot FILE.png]

A cart is pushed left or right, fifty times a second, so that the pole on it does not fall; the score is how many pushes
it lasts, 500 at most. The physics is that of Barto, Sutton and Anderson (IEEE Trans. SMC 13, 1983). The network gives
the odds of each push; after a batch of games, pushes after which a game lasted longer than others become likelier
(Williams, Machine Learning 8, 1992). Before any learning, pushes are drawn like coins.
"""

import argparse

import numpy as np

import cygrad as keras
from cygrad import layers, ops

parser = argparse.ArgumentParser(description="A pole balanced by policy gradient")
parser.add_argument("--updates", type=int, default=60)
parser.add_argument("--plot", help="a file for the score by update")
options = parser.parse_args()
keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)

GAMES, LONGEST, DISCOUNT = 32, 500, 0.99


def push(state, right):
    """One fiftieth of a second of all carts: [games, 4] of place, speed, angle, its speed."""
    _, speed, angle, turn = state.T
    sine, cosine = np.sin(angle), np.cos(angle)
    pull = (np.where(right, 10.0, -10.0) + 0.05 * turn**2 * sine) / 1.1
    turning = (9.8 * sine - cosine * pull) / (0.5 * (4 / 3 - 0.1 * cosine**2 / 1.1))
    driving = pull - 0.05 * turning * cosine / 1.1
    return state + 0.02 * np.stack([speed, driving, turn, turning], 1)


def play(policy):
    """Games side by side until all are over: states, pushes, and who was still in the game: [time, games, ...]."""
    state, alive = rng.uniform(-0.05, 0.05, (GAMES, 4)), np.ones(GAMES, bool)
    states, pushes, counted = [], [], []
    while alive.any() and len(states) < LONGEST:
        right = rng.random(GAMES) < policy.predict_on_batch(state.astype("float32"))[:, 0]
        states.append(state)
        pushes.append(right)
        counted.append(alive)
        state = push(state, right)
        alive = alive & (np.abs(state[:, 0]) < 2.4) & (np.abs(state[:, 2]) < np.radians(12))
    return np.array(states, "float32"), np.array(pushes), np.array(counted)


policy = keras.Sequential(
    [keras.Input((4,)), layers.Dense(32, activation="tanh"), layers.Dense(1, activation="sigmoid")]
)
optimizer = keras.optimizers.Adam(0.02)

scores = []
for update in range(options.updates):
    states, pushes, counted = play(policy)
    scores.append(counted.sum(0).mean())
    # What was still to come at each push, less what the games had on average then
    to_come = np.zeros(counted.shape)
    later = np.zeros(GAMES)
    for t in reversed(range(len(counted))):
        later = counted[t] * (1 + DISCOUNT * later)
        to_come[t] = later
    advantage = to_come - to_come.sum(1, keepdims=True) / counted.sum(1, keepdims=True)
    advantage = (advantage / (advantage[counted].std() + 1e-6))[counted].astype("float32")
    chosen = pushes[counted].astype("float32")
    with keras.GradientTape() as tape:
        odds = policy(states[counted])[:, 0]
        likelihood = chosen * ops.log(odds + 1e-7) + (1 - chosen) * ops.log(1 - odds + 1e-7)
        loss = -ops.mean(likelihood * advantage)
    optimizer.apply_gradients(zip(tape.gradient(loss, policy.trainable_weights), policy.trainable_weights))
    if (update + 1) % 10 == 0:
        print(f"update {update + 1}: the pole stands for {scores[-1]:.0f} pushes")

print(f"Mean score before: {scores[0]:.1f}")
print(f"Mean score after: {np.mean(scores[-5:]):.1f}")

if options.plot:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(np.arange(1, len(scores) + 1), scores, color="#0072B2")
    axes.axhline(LONGEST, color="black", linestyle=":", label="the longest game")
    axes.set_xlabel("update, 32 games each")
    axes.set_ylabel("pushes until the pole falls")
    axes.legend(frameon=False)
    figure.savefig(options.plot, dpi=100)
