"""Losses, one value a row, and the matches that accuracies count. The C side: csrc/kernels/loss.c."""

import numpy as np

from .activation import sigmoid
from .softmax import log_softmax


def one_hot_of(labels, M, K, kernel):
    labels = labels.reshape(M, 1)
    if ((labels < 0) | (labels >= K)).any():
        raise IndexError(f"{kernel}: a label lies outside 0 .. {K - 1}")
    return labels == np.arange(K)


def sparse_softmax_cross_entropy_forward(loss, p, x, labels, M, K):
    chosen = one_hot_of(labels, M, K, "sparse_softmax_cross_entropy_forward")
    log_p = log_softmax(x.reshape(M, K))
    loss.reshape(M)[...] = -np.where(chosen, log_p, 0).sum(axis=1)
    if p is not None:
        p.reshape(M, K)[...] = np.exp(log_p)


def sparse_softmax_cross_entropy_backward(dx, dloss, p, labels, M, K):
    chosen = one_hot_of(labels, M, K, "sparse_softmax_cross_entropy_backward")
    dx.reshape(M, K)[...] = (p.reshape(M, K) - chosen) * dloss.reshape(M, 1)


def softmax_cross_entropy_forward(loss, p, x, t, M, K):
    log_p = log_softmax(x.reshape(M, K))
    loss.reshape(M)[...] = -(t.reshape(M, K) * log_p).sum(axis=1)
    if p is not None:
        p.reshape(M, K)[...] = np.exp(log_p)


def softmax_cross_entropy_backward(dx, dloss, p, t, M, K):
    p, t = p.reshape(M, K), t.reshape(M, K)
    dx.reshape(M, K)[...] = (p * t.sum(axis=1, keepdims=True) - t) * dloss.reshape(M, 1)


def sigmoid_cross_entropy_forward(loss, x, t, n):
    x, t = x.reshape(n), t.reshape(n)
    loss.reshape(n)[...] = np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x)))


def sigmoid_cross_entropy_backward(dx, dloss, x, t, n):
    dx.reshape(n)[...] = (sigmoid(x.reshape(n)) - t.reshape(n)) * dloss.reshape(n)


def squared_error_forward(loss, x, t, M, K):
    loss.reshape(M)[...] = ((t.reshape(M, K) - x.reshape(M, K)) ** 2).mean(axis=1)


def squared_error_backward(dx, dloss, x, t, M, K):
    dx.reshape(M, K)[...] = 2 / K * (x.reshape(M, K) - t.reshape(M, K)) * dloss.reshape(M, 1)


def absolute_error_forward(loss, x, t, M, K):
    loss.reshape(M)[...] = np.abs(t.reshape(M, K) - x.reshape(M, K)).mean(axis=1)


def absolute_error_backward(dx, dloss, x, t, M, K):
    dx.reshape(M, K)[...] = np.sign(x.reshape(M, K) - t.reshape(M, K)) / K * dloss.reshape(M, 1)


def sparse_categorical_matches(match, x, labels, M, K):
    match.reshape(M)[...] = np.argmax(x.reshape(M, K), axis=1) == labels.reshape(M)


def sparse_top_k_matches(match, x, labels, M, K, k):
    for m, (scores, label) in enumerate(zip(x.reshape(M, K), labels.reshape(M))):
        match.reshape(M)[m] = 0 <= label < K and np.sum(~(scores <= scores[label])) < k


def categorical_matches(match, x, t, M, K):
    match.reshape(M)[...] = np.argmax(x.reshape(M, K), axis=1) == np.argmax(t.reshape(M, K), axis=1)


def binary_matches(match, x, t, n, threshold):
    match.reshape(n)[...] = (x.reshape(n) > threshold) == t.reshape(n)
