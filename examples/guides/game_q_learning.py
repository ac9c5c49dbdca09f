"""Catch, learned by deep Q-learning: the network sees the screen and learns what each move will be worth.

    python game_q_learning.py [--steps N] [--plot FILE.png]

A fruit falls through a field of 10 x 10, drifting to one side; a basket three squares wide moves left, right or not at
all. The score is 1 for a fruit that is caught and -1 for one that is not. The network gives the worth of each move;
it learns that this is what the move brings at once, and the best worth after it (Mnih et al., Nature 518, 2015):
games played earlier are drawn again from a memory, and the worth after a move comes from a slower copy of the network.
"""

import argparse

import numpy as np

import cygrad as keras
from cygrad import layers, ops

parser = argparse.ArgumentParser(description="Catching fruit by deep Q-learning")
parser.add_argument("--steps", type=int, default=2000)
parser.add_argument("--plot", help="a file for the score by step")
options = parser.parse_args()
keras.utils.set_random_seed(1)
rng = np.random.default_rng(1)

SIZE, MOVES, DISCOUNT, GAMES = 10, 3, 0.9, 8


class Catch:
    """Some games side by side, each restarted when its fruit is down."""

    def __init__(self, games):
        self.fruit = np.zeros((games, 2), int)  # row and column
        self.basket = np.full(games, SIZE // 2)
        self.restart(np.ones(games, bool))

    def restart(self, which):
        n = which.sum()
        self.fruit[which] = np.stack([np.zeros(n, int), rng.integers(0, SIZE, n)], 1)

    def screen(self):
        """[games, SIZE, SIZE, 1], 1 where something is."""
        screen, games = np.zeros((len(self.basket), SIZE, SIZE, 1), "float32"), np.arange(len(self.basket))
        screen[games, self.fruit[:, 0], self.fruit[:, 1]] = 1
        for place in (-1, 0, 1):
            screen[games, SIZE - 1, self.basket + place] = 1
        return screen

    def move(self, moves):
        """The scores of the moves 0, 1, 2 (left, none, right), and which games were over."""
        self.basket = np.clip(self.basket + moves - 1, 1, SIZE - 2)
        self.fruit[:, 0] += 1
        down = self.fruit[:, 0] == SIZE - 1
        caught = down & (np.abs(self.fruit[:, 1] - self.basket) <= 1)
        self.restart(down)
        return np.where(caught, 1.0, np.where(down, -1.0, 0.0)), down


def network():
    return keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            layers.Conv2D(16, 3, strides=2, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(MOVES),
        ]
    )


worth, slow = network(), network()
optimizer = keras.optimizers.Adam(0.001)
ROOM = 8000  # moves in the memory: screen, move, score, over, screen after
memory = [np.zeros((ROOM, *shape), "float32") for shape in ((SIZE, SIZE, 1), (), (), (), (SIZE, SIZE, 1))]

game, scores = Catch(GAMES), []
for step in range(options.steps):
    if step % 200 == 0:
        slow.set_weights(worth.get_weights())
    # Play, at first by chance, later nearly always the best move
    screen, curiosity = game.screen(), max(0.05, 1 - step / (options.steps / 2))
    best = worth.predict_on_batch(screen).argmax(1)
    moves = np.where(rng.random(GAMES) < curiosity, rng.integers(0, MOVES, GAMES), best)
    score, over = game.move(moves)
    scores += list(score[over])
    places = (step * GAMES + np.arange(GAMES)) % ROOM
    for kept, new in zip(memory, (screen, moves, score, over, game.screen())):
        kept[places] = new
    if step < 100:
        continue
    # Learn from moves of the past
    drawn = rng.integers(0, min((step + 1) * GAMES, ROOM), 64)
    screens, moves, score, over, after = [kept[drawn] for kept in memory]
    target = score + DISCOUNT * (1 - over) * slow.predict_on_batch(after).max(1)
    with keras.GradientTape() as tape:
        chosen = ops.sum(worth(screens) * ops.one_hot(moves.astype("int32"), MOVES), axis=1)
        loss = ops.mean(ops.square(target - chosen))
    optimizer.apply_gradients(zip(tape.gradient(loss, worth.trainable_weights), worth.trainable_weights))

# The best moves alone
game, final = Catch(200), []
for _ in range(3 * SIZE):
    score, over = game.move(worth.predict_on_batch(game.screen()).argmax(1))
    final += list(score[over])
print(f"Caught by chance: {np.mean(np.array(scores[:200]) > 0):.3f}")
print(f"Caught after learning: {np.mean(np.array(final) > 0):.3f}")

if options.plot:
    from matplotlib.figure import Figure

    caught = np.array(scores) > 0
    figure = Figure(figsize=(6, 3.2), layout="constrained")
    axes = figure.subplots()
    axes.plot(np.arange(len(caught) - 99), np.convolve(caught, np.ones(100) / 100, "valid"), color="#0072B2")
    axes.set_xlabel("games played")
    axes.set_ylabel("caught, of the last 100")
    axes.set_ylim(0, 1)
    figure.savefig(options.plot, dpi=100)
