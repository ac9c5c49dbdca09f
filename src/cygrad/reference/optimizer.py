"""One optimizer step over flat arrays, in place. The C side: csrc/kernels/optimizer.c."""

import numpy as np


def sgd_step(w, velocity, g, n, lr, momentum, nesterov):
    if velocity is None:
        w[...] -= lr * g
        return
    velocity[...] = momentum * velocity - lr * g
    w[...] += momentum * velocity - lr * g if nesterov else velocity


def adam_step(w, m, v, vhat, g, n, lr, beta1, beta2, epsilon, step):
    m[...] += (1 - beta1) * (g - m)
    v[...] += (1 - beta2) * (g**2 - v)
    if vhat is not None:
        vhat[...] = np.maximum(vhat, v)
    second = v if vhat is None else vhat
    w[...] -= lr * np.sqrt(1 - beta2**step) / (1 - beta1**step) * m / (np.sqrt(second) + epsilon)


def rmsprop_step(w, v, a, b, g, n, lr, rho, momentum, epsilon):
    v[...] = rho * v + (1 - rho) * g**2
    d = v + epsilon
    if a is not None:
        a[...] = rho * a + (1 - rho) * g
        d = d - a**2
    u = lr * g / np.sqrt(d)
    if b is not None:
        b[...] = momentum * b + u
        u = b
    w[...] -= u


def adagrad_step(w, a, g, n, lr, epsilon):
    a[...] += g**2
    w[...] -= lr * g / np.sqrt(a + epsilon)


def adadelta_step(w, a, d, g, n, lr, rho, epsilon):
    a[...] = rho * a + (1 - rho) * g**2
    u = np.sqrt(d + epsilon) / np.sqrt(a + epsilon) * g
    d[...] = rho * d + (1 - rho) * u**2
    w[...] -= lr * u


def adamax_step(w, m, u, g, n, lr, beta1, beta2, epsilon, step):
    m[...] += (1 - beta1) * (g - m)
    u[...] = np.maximum(beta2 * u, np.abs(g))
    w[...] -= lr / (1 - beta1**step) * m / (u + epsilon)


def nadam_step(w, m, v, g, n, lr, beta1, beta2, epsilon, m_part, g_part, step):
    m[...] += (1 - beta1) * (g - m)
    v[...] += (1 - beta2) * (g**2 - v)
    w[...] -= lr * (m_part * m + g_part * g) / (np.sqrt(v / (1 - beta2**step)) + epsilon)


def lion_step(w, m, g, n, lr, beta1, beta2):
    w[...] -= lr * np.sign(beta1 * m + (1 - beta1) * g)
    m[...] = beta2 * m + (1 - beta2) * g


def ftrl_step(w, a, z, g, n, lr, lr_power, l1, l2, shrinkage, beta):
    new = a + g**2
    z[...] += g + 2 * shrinkage * w - (new**-lr_power - a**-lr_power) / lr * w
    a[...] = new
    w[...] = (np.clip(z, -l1, l1) - z) / (new**-lr_power / lr + 2 * l2 + beta / lr)


def lamb_update(u, m, v, g, n, beta1, beta2, epsilon, step):
    m[...] += (1 - beta1) * (g - m)
    v[...] += (1 - beta2) * (g**2 - v)
    u[...] = m / (1 - beta1**step) / (np.sqrt(v / (1 - beta2**step)) + epsilon)
