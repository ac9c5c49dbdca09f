"""SimpleRNN, GRU and LSTM over sequences, step by step. The C side: csrc/kernels/recurrent.c, gru.c, lstm.c.

z is the product of x for all steps, with its bias; a step adds that of the state, and becomes the gates.
"""

import numpy as np

from .activation import (
    apply,
    elu_backward,
    exp_backward,
    hard_sigmoid_backward,
    leaky_relu_backward,
    relu_backward,
    selu_backward,
    sigmoid_backward,
    softplus_backward,
    tanh_backward,
)

# by their numbers in cygrad.h's enum cg_activation: dx from dy and y
BACKWARD = {
    1: lambda dx, dy, y: relu_backward(dx, dy, y, y.size),
    2: lambda dx, dy, y: leaky_relu_backward(dx, dy, y, y.size, 0.2),
    3: lambda dx, dy, y: elu_backward(dx, dy, y, y.size, 1.0),
    4: lambda dx, dy, y: selu_backward(dx, dy, y, y.size),
    5: lambda dx, dy, y: sigmoid_backward(dx, dy, y, y.size),
    6: lambda dx, dy, y: tanh_backward(dx, dy, y, y.size),
    7: lambda dx, dy, y: softplus_backward(dx, dy, y, y.size),
    8: lambda dx, dy, y: np.multiply(dy, (1 - np.abs(y)) ** 2, out=dx),  # softsign
    11: lambda dx, dy, y: exp_backward(dx, dy, y, y.size),
    12: lambda dx, dy, y: hard_sigmoid_backward(dx, dy, y, y.size),
}


def activate(x, activation):
    y = np.empty_like(x)
    apply(y, x, activation)
    return y


def derive(dy, y, activation):
    """The gradient of an activation's argument from that of its value y."""
    if activation == 0:
        return dy
    dx = np.empty_like(y)
    BACKWARD[activation](dx, dy, y)
    return dx


class Steps:
    """The order of the steps, and what a mask does to states and outputs."""

    def __init__(self, mask, N, T, U, reverse, sequences, zero_output):
        self.mask = np.ones((N, T), bool) if mask is None else mask.reshape(N, T).astype(bool)
        self.order = range(T - 1, -1, -1) if reverse else range(T)
        self.shape, self.sequences, self.zero_output = (N, T, U), sequences, zero_output

    def forward(self, y, states, step):
        """step(t, *states) gives the next states, the first of which is the output; returns the last ones."""
        N, T, U = self.shape
        outputs = np.zeros((T + 1, N, U), y.dtype)
        for s, t in enumerate(self.order):
            live = self.mask[:, t, None]
            new = step(t, *states)
            outputs[s + 1] = np.where(live, new[0], 0 if self.zero_output else outputs[s])
            states = [np.where(live, a, b) for a, b in zip(new, states)]
        y[...] = (outputs[1:].swapaxes(0, 1) if self.sequences else outputs[-1]).reshape(y.shape)
        return states

    def backward(self, dy, dstates, step):
        """step(t, live, *dstates) gives the gradients of the states before it; returns the first ones."""
        N, T, U = self.shape
        doutputs = np.zeros((T, N, U), dstates[0].dtype)
        if dy is not None and T:
            if self.sequences:
                doutputs[...] = dy.reshape(N, T, U).swapaxes(0, 1)
            else:
                doutputs[-1] = dy.reshape(N, U)
        later = np.zeros((N, U), doutputs.dtype)  # the gradient of an output that masked steps repeat
        for s, t in reversed(list(enumerate(self.order))):
            live = self.mask[:, t, None]
            later = later + doutputs[s]
            d = [dstates[0] + np.where(live, later, 0), *dstates[1:]]
            later = np.where(live | bool(self.zero_output), 0, later)
            dstates = [np.where(live, a, b) for a, b in zip(step(t, live, *d), d)]
        return dstates


def initial(state, N, U, dtype):
    return np.zeros((N, U), dtype) if state is None else state.reshape(N, U).copy()


def keep(array, t, value, N, T):
    if array is not None:
        array.reshape(N, T, value.shape[-1])[:, t] = value


def give(array, value):
    if array is not None:
        array[...] = value.reshape(array.shape)


class Product:
    """The states' product with the columns of each gate, of what of the state is kept for it."""

    def __init__(self, recurrent_kernel, kept, N, U, gates):
        self.kernels = np.split(recurrent_kernel.reshape(U, gates * U), gates, axis=1)
        self.kept = np.ones((gates, N, U)) if kept is None else kept.reshape(gates, N, U)

    def forward(self, h, *gates):
        return np.concatenate([(h * self.kept[g]) @ self.kernels[g] for g in gates], -1)

    def backward(self, d, *gates):
        parts = np.split(d, len(gates), axis=-1)
        return sum((part @ self.kernels[g].T) * self.kept[g] for part, g in zip(parts, gates))


def simple_rnn_forward(
    y, h_n, states, z, recurrent_kernel, h0, kept, mask, N, T, U, activation, reverse, sequences, zero_output
):  # fmt: skip
    gates, product = z.reshape(N, T, U), Product(recurrent_kernel, kept, N, U, 1)

    def step(t, h):
        keep(states, t, h, N, T)
        gates[:, t] = activate(gates[:, t] + product.forward(h, 0), activation)
        return [gates[:, t]]

    (h,) = Steps(mask, N, T, U, reverse, sequences, zero_output).forward(y, [initial(h0, N, U, z.dtype)], step)
    give(h_n, h)


def simple_rnn_backward(
    dz, dh0, dy, dh_n, z, recurrent_kernel, kept, mask, N, T, U, activation, reverse, sequences, zero_output
):  # fmt: skip
    gates, product = z.reshape(N, T, U), Product(recurrent_kernel, kept, N, U, 1)

    def step(t, live, dh):
        d = np.where(live, derive(dh, gates[:, t], activation), 0)
        keep(dz, t, d, N, T)
        return [product.backward(d, 0)]

    (dh,) = Steps(mask, N, T, U, reverse, sequences, zero_output).backward(dy, [initial(dh_n, N, U, z.dtype)], step)
    give(dh0, dh)


def gru_forward(
    y, h_n, states, inner, z, recurrent_kernel, recurrent_bias, h0, kept, mask, N, T, U, activation,
    recurrent_activation, reset_after, reverse, sequences, zero_output,
):  # fmt: skip
    gates, product = z.reshape(N, T, 3 * U), Product(recurrent_kernel, kept, N, U, 3)
    bias = np.zeros(3 * U) if recurrent_bias is None else recurrent_bias.reshape(3 * U)

    def step(t, h):
        keep(states, t, h, N, T)
        x = gates[:, t]
        both = activate(x[:, : 2 * U] + product.forward(h, 0, 1) + bias[: 2 * U], recurrent_activation)
        update, reset = both[:, :U], both[:, U:]
        if reset_after:
            own = product.forward(h, 2) + bias[2 * U :]
            new = activate(x[:, 2 * U :] + reset * own, activation)
        else:
            own = reset * h * product.kept[2]
            new = activate(x[:, 2 * U :] + product.forward(reset * h, 2), activation)
        keep(inner, t, own, N, T)
        gates[:, t] = np.concatenate([both, new], -1)
        return [update * h + (1 - update) * new]

    (h,) = Steps(mask, N, T, U, reverse, sequences, zero_output).forward(y, [initial(h0, N, U, z.dtype)], step)
    give(h_n, h)


def gru_backward(
    dz, dinner, dh0, dy, dh_n, z, states, inner, recurrent_kernel, kept, mask, N, T, U, activation,
    recurrent_activation, reset_after, reverse, sequences, zero_output,
):  # fmt: skip
    gates, product = z.reshape(N, T, 3 * U), Product(recurrent_kernel, kept, N, U, 3)

    def step(t, live, dh):
        update, reset, new = np.split(gates[:, t], 3, axis=-1)
        h, own = (a.reshape(N, T, U)[:, t] for a in (states, inner))
        dh = np.where(live, dh, 0)
        dupdate = derive(dh * (h - new), update, recurrent_activation)
        dnew = derive(dh * (1 - update), new, activation)
        if reset_after:
            dreset = derive(dnew * own, reset, recurrent_activation)
            dp = np.concatenate([dupdate, dreset, dnew * reset], -1)
            keep(dinner, t, dp, N, T)
            before = dh * update + product.backward(dp, 0, 1, 2)
        else:
            dstate = product.backward(dnew, 2)
            dreset = derive(dstate * h, reset, recurrent_activation)
            both = np.concatenate([dupdate, dreset], -1)
            before = dh * update + dstate * reset + product.backward(both, 0, 1)
        keep(dz, t, np.concatenate([dupdate, dreset, dnew], -1), N, T)
        return [before]

    (dh,) = Steps(mask, N, T, U, reverse, sequences, zero_output).backward(dy, [initial(dh_n, N, U, z.dtype)], step)
    give(dh0, dh)


def lstm_forward(
    y, h_n, c_n, states, cells, z, recurrent_kernel, h0, c0, kept, mask, N, T, U, activation, recurrent_activation,
    reverse, sequences, zero_output,
):  # fmt: skip
    gates, product = z.reshape(N, T, 4 * U), Product(recurrent_kernel, kept, N, U, 4)

    def step(t, h, c):
        keep(states, t, h, N, T)
        keep(cells, t, c, N, T)
        i, f, g, o = np.split(gates[:, t] + product.forward(h, 0, 1, 2, 3), 4, axis=-1)
        i, f, o = (activate(gate, recurrent_activation) for gate in (i, f, o))
        g = activate(g, activation)
        gates[:, t] = np.concatenate([i, f, g, o], -1)
        c = f * c + i * g
        return [o * activate(c, activation), c]

    start = [initial(h0, N, U, z.dtype), initial(c0, N, U, z.dtype)]
    h, c = Steps(mask, N, T, U, reverse, sequences, zero_output).forward(y, start, step)
    give(h_n, h)
    give(c_n, c)


def lstm_backward(
    dz, dh0, dc0, dy, dh_n, dc_n, z, cells, recurrent_kernel, kept, mask, N, T, U, activation, recurrent_activation,
    reverse, sequences, zero_output,
):  # fmt: skip
    gates, product = z.reshape(N, T, 4 * U), Product(recurrent_kernel, kept, N, U, 4)

    def step(t, live, dh, dc):
        i, f, g, o = np.split(gates[:, t].copy(), 4, axis=-1)  # dz may be z
        c = cells.reshape(N, T, U)[:, t]
        y = activate(f * c + i * g, activation)
        do = derive(dh * y, o, recurrent_activation)
        dc = dc + derive(dh * o, y, activation)
        di, df = derive(dc * g, i, recurrent_activation), derive(dc * c, f, recurrent_activation)
        d = np.where(live, np.concatenate([di, df, derive(dc * i, g, activation), do], -1), 0)
        keep(dz, t, d, N, T)
        return [product.backward(d, 0, 1, 2, 3), dc * f]

    start = [initial(dh_n, N, U, z.dtype), initial(dc_n, N, U, z.dtype)]
    dh, dc = Steps(mask, N, T, U, reverse, sequences, zero_output).backward(dy, start, step)
    give(dh0, dh)
    give(dc0, dc)
