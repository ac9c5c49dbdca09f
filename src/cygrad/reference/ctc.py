"""Connectionist temporal classification (Graves et al. 2006). The C side: csrc/kernels/ctc.c."""

import numpy as np

IMPOSSIBLE = -1e30


def _states(labels, length, blank):
    """The labels with a blank before, between and after them."""
    states = np.full(2 * length + 1, blank)
    states[1::2] = labels[:length]
    return states


def _may_skip(z, s):
    """May a path go from state s - 2 to s?"""
    return s % 2 == 1 and s >= 3 and z[s] != z[s - 2]


def _log_sum(values):
    top = max(values)
    return top if top <= IMPOSSIBLE else top + np.log(sum(np.exp(v - top) for v in values))


def _ways_to(y, z):
    """[frame, state]: the log of the sum over all ways to come to a state at a frame."""
    a = np.full((len(y), len(z)), IMPOSSIBLE, y.dtype)
    for t in range(len(y)):
        for s in range(len(z)):
            if t == 0:
                ways = [0.0] if s < 2 else []
            else:
                ways = [a[t - 1, s], *([a[t - 1, s - 1]] if s else []), *([a[t - 1, s - 2]] if _may_skip(z, s) else [])]
            if ways and max(ways) > IMPOSSIBLE / 10:
                a[t, s] = max(_log_sum(ways) + y[t, z[s]], IMPOSSIBLE)
    return a


def _check(labels, label_length, frames, T, K, L, blank):
    used = [labels[n, :length] for n, length in enumerate(label_length) if 0 <= length <= L]
    if len(used) < len(labels) or not 0 <= blank < K or any(not 0 <= count <= T for count in frames):
        raise IndexError("ctc: a length, or the blank, is out of range")
    if any(((row < 0) | (row >= K)).any() for row in used):
        raise IndexError("ctc: a label is out of range")


def ctc_forward(loss, alpha, y, labels, label_length, frames, N, T, K, L, blank):
    _check(labels, label_length, frames, T, K, L, blank)
    alpha[...] = IMPOSSIBLE
    for n in range(N):
        z, length = _states(labels[n], label_length[n], blank), label_length[n]
        if frames[n] == 0:
            loss[n] = np.inf if length else 0.0
            continue
        a = _ways_to(y[n, : frames[n]], z)
        alpha[n, : frames[n], : len(z)] = np.maximum(a - a.max(axis=1, keepdims=True), IMPOSSIBLE)
        total = _log_sum(a[-1, -2:])
        loss[n] = -total if total > IMPOSSIBLE / 10 else np.inf


def ctc_backward(dy, dloss, loss, alpha, y, labels, label_length, frames, N, T, K, L, blank):
    _check(labels, label_length, frames, T, K, L, blank)
    dy[...] = 0
    for n in range(N):
        if not np.isfinite(loss[n]):
            continue
        z, count = _states(labels[n], label_length[n], blank), frames[n]
        to, back = _ways_to(y[n, :count], z), _ways_to(y[n, :count][::-1], z[::-1])[::-1, ::-1]
        for t in range(count):
            for s in range(len(z)):  # both have what frame t emits
                if min(to[t, s], back[t, s]) > IMPOSSIBLE / 10:
                    dy[n, t, z[s]] -= dloss[n] * np.exp(to[t, s] + back[t, s] - y[n, t, z[s]] + loss[n])
