"""The goals, as data: how much faster than a peer each row is to be, and when that is reached."""

import math
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """Rows whose whole name matches `rows`: the peer's figure over cygrad's is `ratio` at least, or (at_most) cygrad's
    figure is at most that, or the peer's plus `plus`. against: a peer's name; None: the best one. of_limit: or
    the machine's limits allow so much of cygrad's time, whatever the peers take."""

    rows: str
    ratio: float = 1.0
    against: str | None = None
    plus: float = 0.0
    at_most: float | None = None
    of_limit: float | None = None

    def judge(self, mine, peers, least=0.0):
        """(what was asked, what is, reached) for cygrad's figure, {peer: figure}, and the least figure that the
        machine allows, which may be above the goal; None where the peer is missing."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}", f"{mine:g}", mine <= self.at_most
        if self.of_limit is not None:
            return f"{self.of_limit:.0%} of the limit", f"{least / mine:.0%}", least / mine >= self.of_limit
        other = min(peers.values(), default=None) if self.against is None else peers.get(self.against)
        if other is None:
            return None
        asked, goal = f"{self.ratio:g}" + (f" x {self.against}" if self.against else ""), other / self.ratio + self.plus
        if self.plus:
            return f"{asked} + {self.plus:g}", f"+ {mine - other / self.ratio:.3f}", mine <= goal
        limit = f", the limit allows {other / least:.2f}" if least > goal else ""
        return asked, f"{other / mine:.2f}{limit}", mine <= goal


CLIFF = Goal(".*", 0.95)  # never worse than this at any shape; for rows that have no goal of their own
CONVOLUTIONS = "conv2d (mnist1|mnist2|img224|vgg56|res28|res14|res7|pw56|stem|lenet5x5) forward[+]backward"
CONVOLUTIONS_MEAN = 1.5  # geometric mean of those rows' ratios

GOALS = [
    Goal("matmul (512x512x512|1024x1024x1024|2048x2048x2048)( NT| TN)?( avx2)?", of_limit=0.9),
    Goal("matmul 1024x1024x1024", 1.9, "numpy"),
    Goal("matmul 1024x1024x1024 avx2", 1.05, "numpy"),
    Goal(CONVOLUTIONS, 1.0),
    Goal("(tanh|exp|gelu|silu|softmax|max_pool2d|batch_norm|layer_norm) .*", 2),
    Goal("(lstm|gru|simple_rnn) .*", 1.5, "torch"),
    Goal("(conv1d|embedding|conv2d mobilenet.*-depthwise.*) .*", 1.2),
    Goal("attention .* forward[+]backward", 1.5),
    Goal("train mlp-b32", 3.5, "jax"),
    Goal("train mlp-b128", 2.5),
    Goal("train (cnn-b32|cnn-b128|cnn224-b32)", 2),
    Goal("predict mlp-b1", 2, "onnxruntime"),
    Goal("predict mlp-b32", 1.5, "onnxruntime"),
    Goal("predict cnn-b1", 1.3, "onnxruntime"),
    Goal("predict cnn-b32", 1.2, "onnxruntime"),
    Goal("predict cnn-b8 after 100 ms of rest", 20, "torch"),
    Goal("predict cnn-b8 after 100 ms of rest", 1.5, "onnxruntime"),
    Goal("predict (vgg16|inception_v3|mobilenet_v2)-b[18]", 1.0, "torch"),
    Goal("peak memory of train (cnn224-b32|resnet50-b8).*", 1.0, "torch"),
    Goal("import", 1.0, "numpy", plus=0.02),
    Goal("fit of a tiny network.*", at_most=30),
    Goal("installed size, MB", at_most=4),  # the wheel, compressed, is a third of that
]


def goals_of(name):
    """The goals of a row."""
    return [goal for goal in GOALS if re.fullmatch(goal.rows, name)] or [CLIFF]


def geometric_mean(ratios):
    return math.exp(sum(map(math.log, ratios)) / len(ratios))
