/* activation.c: elementwise activations, each a function of a vector for the forward and one for the backward pass; from these come
 * the kernels, and activate_rows, with which matmul.c and conv2d.c finish a tile.
 *
 * A backward function gets dy and what kernels.def saves, y or x. Where a formula only chooses, NaN would get lost: keep_nan. */
#include "../map.h"

CG_INLINE vf keep_nan(vf value, vf x) { return vf_select((vi)(x == x), value, x); }

CG_INLINE vf act_relu(vf x) { return vf_max(vf_set(0.0f), x); } /* vf_max takes its second operand where one is NaN */
CG_INLINE vf act_relu_backward(vf dy, vf y) { return keep_nan(vf_if_less(vf_set(0.0f), y, dy, vf_set(0.0f)), y); }

CG_INLINE vf act_leaky_relu(vf x, vf slope) { return vf_select((vi)(x >= 0.0f), x, slope * x); }
CG_INLINE vf act_leaky_relu_backward(vf dy, vf x, vf slope) {
    return keep_nan(vf_select((vi)(x >= 0.0f), dy, slope * dy), x);
}

/* scale * elu(x, alpha), scale_alpha = scale * alpha: elu has scale 1 */
CG_INLINE vf act_elu(vf x, vf scale, vf scale_alpha) {
    return vf_if_less(vf_set(0.0f), x, scale * x, scale_alpha * vf_expm1(x));
}
CG_INLINE vf act_elu_backward(vf dy, vf y, vf scale, vf scale_alpha) {
    return dy * vf_if_less(vf_set(0.0f), y, scale, y + scale_alpha);
}
#define SELU_SCALE 1.0507009873554805f
#define SELU_SCALE_ALPHA 1.7580993408473766f

CG_INLINE vf act_sigmoid_backward(vf dy, vf y) { return dy * y * (1.0f - y); }

CG_INLINE vf act_tanh_backward(vf dy, vf y) { return dy * vf_fma(-y, y, vf_set(1.0f)); }

CG_INLINE vf act_softplus_backward(vf dy, vf y) { return dy * -vf_expm1(-y); }

CG_INLINE vf act_softsign(vf x) { return x / (1.0f + vf_abs(x)); }
CG_INLINE vf act_softsign_backward(vf dy, vf x) {
    vf r = 1.0f / (1.0f + vf_abs(x)); /* multiplied twice: the square of 1 + |x| could overflow */
    return dy * r * r;
}

CG_INLINE vf act_gelu(vf x) { return x * vf_normal_cdf(x); }
CG_INLINE vf act_gelu_backward(vf dy, vf x) { return dy * vf_gelu_slope(x); }

/* sigmoid(x) = s; *slope = s (1 - s), from exp(-|x|) = up / down as the product of both sides' shares, for 1 - s would lose bits */
CG_INLINE vf sigmoid_and_slope(vf x, vf *slope) {
    vf down, up = vf_exp_below(x, &down), r = 1.0f / (down + up);
    up *= r;
    down *= r;
    *slope = up * down;
    return vf_if_less(x, vf_set(0.0f), up, down);
}

CG_INLINE vf act_silu(vf x) { return x * vf_sigmoid(x); }
CG_INLINE vf act_silu_backward(vf dy, vf x) {
    vf slope, s = sigmoid_and_slope(x, &slope);
    return dy * vf_fma(x, slope, s);
}

/* (1 + tanh(u)) / 2 = sigmoid(2u), which keeps its bits far below zero; 2u = 2 sqrt(2/pi) (x + 0.044715 x^3) */
#define GELU_SCALE 1.5957691216057308f
#define GELU_CUBE 0.07135481627260025f /* 0.044715 GELU_SCALE */
CG_INLINE vf act_gelu_tanh(vf x) {
    return x * vf_sigmoid(x * vf_fma(vf_set(GELU_CUBE) * x, x, vf_set(GELU_SCALE)));
}
CG_INLINE vf act_gelu_tanh_backward(vf dy, vf x) {
    vf slope, s = sigmoid_and_slope(x * vf_fma(vf_set(GELU_CUBE) * x, x, vf_set(GELU_SCALE)), &slope);
    vf z = x * slope; /* 0 for large x, before x^2 could overflow */
    return dy * vf_fma(3.0f * GELU_CUBE * z * x, x, vf_fma(vf_set(GELU_SCALE), z, s));
}

CG_INLINE vf act_hard_sigmoid(vf x) {
    return vf_min(vf_set(1.0f), vf_max(vf_set(0.0f), vf_fma(x, vf_set(1.0f / 6.0f), vf_set(0.5f))));
}
CG_INLINE vf act_hard_sigmoid_backward(vf dy, vf y) {
    return keep_nan(vf_select((vi)(y > 0.0f) & (vi)(y < 1.0f), dy * (1.0f / 6.0f), vf_set(0.0f)), y);
}

/* ---- kernels: the second number counts a value's operations ---- */

FORWARD(relu_forward, 1, act_relu(a))
BACKWARD(relu_backward, 1, act_relu_backward(a, b))

SPAN(leaky_relu_forward_span, 1, act_leaky_relu(a, p))
SPAN(leaky_relu_backward_span, 2, act_leaky_relu_backward(a, b, p))
static int CG_FN(leaky_relu_forward)(float *y, const float *x, int64_t n, float negative_slope) {
    return map(leaky_relu_forward_span, y, x, x, n, negative_slope, 0, 1);
}
static int CG_FN(leaky_relu_backward)(float *dx, const float *dy, const float *x, int64_t n, float negative_slope) {
    return map(leaky_relu_backward_span, dx, dy, x, n, negative_slope, 0, 1);
}

SPAN(elu_forward_span, 1, act_elu(a, p, q))
SPAN(elu_backward_span, 2, act_elu_backward(a, b, p, q))
static int CG_FN(elu_forward)(float *y, const float *x, int64_t n, float alpha) {
    return map(elu_forward_span, y, x, x, n, 1, alpha, 30);
}
static int CG_FN(elu_backward)(float *dx, const float *dy, const float *y, int64_t n, float alpha) {
    return map(elu_backward_span, dx, dy, y, n, 1, alpha, 3);
}
static int CG_FN(selu_forward)(float *y, const float *x, int64_t n) {
    return map(elu_forward_span, y, x, x, n, SELU_SCALE, SELU_SCALE_ALPHA, 30);
}
static int CG_FN(selu_backward)(float *dx, const float *dy, const float *y, int64_t n) {
    return map(elu_backward_span, dx, dy, y, n, SELU_SCALE, SELU_SCALE_ALPHA, 3);
}

FORWARD(sigmoid_forward, 40, vf_sigmoid(a))
BACKWARD(sigmoid_backward, 3, act_sigmoid_backward(a, b))

FORWARD(tanh_forward, 50, vf_tanh(a))
/* Counted as more than it does: y of 16384 values comes from two threads, and is quickest read where it was written. */
BACKWARD(tanh_backward, 13, act_tanh_backward(a, b))

FORWARD(softplus_forward, 60, vf_softplus(a))
BACKWARD(softplus_backward, 30, act_softplus_backward(a, b))

FORWARD(softsign_forward, 10, act_softsign(a))
BACKWARD(softsign_backward, 10, act_softsign_backward(a, b))

FORWARD(gelu_forward, 70, act_gelu(a))
BACKWARD(gelu_backward, 70, act_gelu_backward(a, b))

FORWARD(gelu_tanh_forward, 50, act_gelu_tanh(a))
BACKWARD(gelu_tanh_backward, 60, act_gelu_tanh_backward(a, b))

FORWARD(silu_forward, 40, act_silu(a))
BACKWARD(silu_backward, 50, act_silu_backward(a, b))

FORWARD(exp_forward, 30, vf_exp(a))
BACKWARD(exp_backward, 1, a * b)

FORWARD(hard_sigmoid_forward, 3, act_hard_sigmoid(a))
BACKWARD(hard_sigmoid_backward, 3, act_hard_sigmoid_backward(a, b))

/* y = activation(y) for rows of cols values, a stride apart, on the calling thread: for a tile that is still in cache */
static void activate_rows(float *y, int64_t rows, int64_t cols, int64_t stride, int activation) {
    static const struct { map_span *f; float p, q; } forward[] = {
        [CG_RELU] = {relu_forward_span, 0, 0},
        [CG_LEAKY_RELU] = {leaky_relu_forward_span, 0.2f, 0},
        [CG_ELU] = {elu_forward_span, 1, 1},
        [CG_SELU] = {elu_forward_span, SELU_SCALE, SELU_SCALE_ALPHA},
        [CG_SIGMOID] = {sigmoid_forward_span, 0, 0},
        [CG_TANH] = {tanh_forward_span, 0, 0},
        [CG_SOFTPLUS] = {softplus_forward_span, 0, 0},
        [CG_SOFTSIGN] = {softsign_forward_span, 0, 0},
        [CG_GELU] = {gelu_forward_span, 0, 0},
        [CG_SILU] = {silu_forward_span, 0, 0},
        [CG_EXPONENTIAL] = {exp_forward_span, 0, 0},
        [CG_HARD_SIGMOID] = {hard_sigmoid_forward_span, 0, 0},
    };
    if (activation == CG_LINEAR) return;
    if (stride == cols) {
        cols *= rows;
        rows = 1;
    }
    for (int64_t i = 0; i < rows; i++, y += stride)
        forward[activation].f(y, y, y, cols, forward[activation].p, forward[activation].q, 0);
}
