"""Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011). The C side: csrc/kernels/random.c.

Value i comes from lane i % 4 of the block with the 128-bit counter (i // 4, counter), low word first, under a 64-bit
key.
"""

import numpy as np

LOW = np.uint64(0xFFFFFFFF)
MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL = 0x9E3779B9, 0xBB67AE85


def words(value):
    """A 64-bit value's low and high 32 bits."""
    return value & LOW, value >> np.uint64(32)


def philox(block, counter, key):
    """Four arrays of random 32-bit words for an array of block numbers."""
    c0, c1 = words(np.asarray(block, np.uint64))
    c2, c3 = words(np.full(c0.shape, counter, np.uint64))
    k0, k1 = key & 0xFFFFFFFF, key >> 32
    for _ in range(10):
        low0, high0 = words(MULTIPLIERS[0] * c0)
        low1, high1 = words(MULTIPLIERS[1] * c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ np.uint64(k0), low1, high0 ^ c3 ^ np.uint64(k1), low0
        k0, k1 = (k0 + WEYL[0]) & 0xFFFFFFFF, (k1 + WEYL[1]) & 0xFFFFFFFF
    return c0, c1, c2, c3


def bits(n, key, counter, attempt=0):
    """The n first words of a stream."""
    block = np.arange(-(-n // 4), dtype=np.uint64) + np.uint64(attempt << 56)
    return np.stack(philox(block, counter, key), axis=-1).reshape(-1)[:n]


def unit(word):
    """A word's upper 24 bits as a number in [0, 1)."""
    return (word >> np.uint64(8)) * 2.0**-24


def random_uniform(y, n, key, counter, low, high):
    y.reshape(n)[...] = low + (high - low) * unit(bits(n, key, counter))


def standard_normal(n, key, counter, attempt=0):
    pairs = unit(bits(n + n % 2, key, counter, attempt)).reshape(-1, 2)
    radius = np.sqrt(-2 * np.log(pairs[:, 0] + 2.0**-24))  # 0 < pairs + 2^-24 <= 1
    angle = 2 * np.pi * pairs[:, 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(-1)[:n]


def random_normal(y, n, key, counter, mean, stddev):
    y.reshape(n)[...] = mean + stddev * standard_normal(n, key, counter)


def random_truncated_normal(y, n, key, counter, mean, stddev):
    value = standard_normal(n, key, counter)
    for attempt in range(1, 16):
        value = np.where(np.abs(value) > 2, standard_normal(n, key, counter, attempt), value)
    y.reshape(n)[...] = mean + stddev * np.clip(value, -2, 2)


def dropout(y, x, n, key, counter, rate):
    kept = unit(bits(n, key, counter)) >= rate
    y.reshape(n)[...] = np.where(kept, x.reshape(n) / (1 - rate), 0)
