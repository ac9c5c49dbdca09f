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
    """The n first words of a stream. attempt is the highest byte of the block number: a fresh stream for each."""
    blocks = np.arange(-(-n // 4), dtype=np.uint64) + np.uint64(attempt << 56)
    return np.stack(philox(blocks, counter, key), axis=-1).reshape(-1)[:n]


def standard_normal(n, key, counter, attempt=0):
    """Box-Muller: each two words, a radius and an angle, give two values, by cosine and sine."""
    pairs = bits(n + n % 2, key, counter, attempt).reshape(-1, 2)
    # 31 bits, as float32 holds them: u is the number that the kernel takes the logarithm of, 0 < u <= 1
    u = ((pairs[:, 0] >> np.uint64(1)).astype(np.float32) + np.float32(0.5)).astype(np.float64) * 2.0**-31
    radius, angle = np.sqrt(-2 * np.log(u)), 2 * np.pi * 2.0**-32 * pairs[:, 1]
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(-1)[:n]


def random_uniform(y, n, key, counter, low, high):
    unit = (bits(n, key, counter) >> np.uint64(8)) * 2.0**-24
    y.reshape(n)[...] = low + (high - low) * unit


def random_normal(y, n, key, counter, mean, stddev):
    y.reshape(n)[...] = mean + stddev * standard_normal(n, key, counter)


def random_truncated_normal(y, n, key, counter, mean, stddev):
    z = standard_normal(n, key, counter)
    for attempt in range(1, 256):
        outside = np.abs(z) > 2
        if not outside.any():
            break
        z = np.where(outside, standard_normal(n, key, counter, attempt), z)
    y.reshape(n)[...] = mean + stddev * z


def dropout(y, x, n, key, counter, rate):
    kept = bits(n, key, counter) >= np.uint64(np.float32(rate) * 2.0**32)
    y.reshape(n)[...] = np.where(kept, x.reshape(n) / (1 - rate), 0)
