/* vmath.h: exp, log, tanh and their relatives over a vf; powers.
 *
 * Each is a range reduction (exp and tanh: by tables of 16 floats, as many as a register holds) and a polynomial in vec.h's exactly rounded
 * operations, without libm, so an element's bits depend neither on its place in a vector nor on the machine (baseline x86, which has no
 * fused multiply-add, may differ in the last bits).
 *
 * Coefficients: weighted least squares on 2000 Chebyshev nodes against 40-digit values, the weights raised where the error is largest
 * until it is level (Lawson's iteration), which gives the minimax polynomial of the relative error (for quotients: the numerator less
 * the function times the denominator, weighted by the last denominator); then the coefficients are rounded to float one at a time,
 * lowest first, and the remaining ones fitted again.
 *
 * Largest errors in units in the last place, against double precision, over 4 10^7 floats spread evenly over all bit patterns, with and
 * without fused multiply-add (tests/test_vmath.py bounds them on every instruction set):
 *   exp 0.99, 1.19   expm1 1.30   tanh 1.67   sigmoid 2.37   log 0.86   log1p 1.41   softplus 1.72
 *   power 0.503
 * Absolute errors, in units of 2^-24, of what multiplies x or dy in GELU: normal_cdf 3.1, 3.5   gelu_slope 4.1
 * Zeros, infinities, NaN and denormals give what IEEE 754 and C's Annex F ask for. */
#ifndef CYGRAD_VMATH_H
#define CYGRAD_VMATH_H
#include "vec.h"

/* 2^n for n in -126 .. 127 */
CG_INLINE vf vf_power_of_two(vi n) { return (vf)((n + 127) << 23); }

/* -|x| */
CG_INLINE vf vf_below(vf x) { return (vf)((vi)x | vi_set(INT32_MIN)); }

/* x = k log 2 + r with |r| <= log(2) / 2, k whole; x in -150 .. 150 or NaN. k is rounded by adding 1.5 2^23. log 2 is split so that k
 * times its high part is exact, also without a fused multiply-add. */
CG_INLINE vf vf_exp_reduce(vf x, vf *k) {
    const vf shift = vf_set(0x1.8p23f);
    *k = vf_fma(x, vf_set(0x1.715476p0f), shift) - shift;
    return vf_fma(*k, vf_set(-0x1.7f7d1cp-20f), vf_fma(*k, vf_set(-0x1.62e4p-1f), x));
}

/* (exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2 */
CG_INLINE vf vf_exp_tail(vf r) {
    vf p = vf_set(0x1.6d5f64p-10f);
    p = vf_fma(p, r, vf_set(0x1.1227acp-7f));
    p = vf_fma(p, r, vf_set(0x1.5554dap-5f));
    p = vf_fma(p, r, vf_set(0x1.5554b0p-3f));
    return vf_fma(p, r, vf_set(0.5f));
}

/* 2^(i/16) */
static const float vm_power[16] __attribute__((aligned(64))) = {
    0x1.000000p0f, 0x1.0b5586p0f, 0x1.172b84p0f, 0x1.2387a6p0f, 0x1.306fe0p0f, 0x1.3dea64p0f, 0x1.4bfdaep0f, 0x1.5ab07ep0f,
    0x1.6a09e6p0f, 0x1.7a1148p0f, 0x1.8ace54p0f, 0x1.9c4918p0f, 0x1.ae89fap0f, 0x1.c199bep0f, 0x1.d5818ep0f, 0x1.ea4afap0f,
};

/* x = k log 2 + r with |r| <= log(2) / 32, k a multiple of 1/16, as the last bits of *shifted say too. k times the high part of log 2 is
 * exact. */
CG_INLINE vf vf_exp_reduce16(vf x, vf *k, vi *shifted) {
    const vf shift = vf_set(0x1.8p19f);
    vf s = vf_fma(x, vf_set(0x1.715476p0f), shift);
    *shifted = (vi)s;
    *k = s - shift;
    return vf_fma(*k, vf_set(0x1.bd0106p-13f), vf_fma(*k, vf_set(-0x1.63p-1f), x));
}

/* exp(r) - 1 for |r| <= log(2) / 32 */
CG_INLINE vf vf_exp16_less_1(vf r) { return vf_fma(vf_fma(vf_set(0x1.55560ap-3f), r, vf_set(0x1.00022p-1f)), r * r, r); }

/* exp(89) is infinity, exp(-104) rounds to 0. */
CG_INLINE vf vf_exp(vf x) {
    vi index;
    vf k, r = vf_exp_reduce16(vf_max(vf_set(-104.0f), vf_min(vf_set(89.0f), x)), &k, &index), power = vf_lookup16(vm_power, index);
    return vf_scale(vf_fma(power, vf_exp16_less_1(r), power), k);
}

/* For x <= 88: 2^k, which is no infinity then, multiplies before the polynomial is known. The same bits but for denormal results, which
 * round twice. */
CG_INLINE vf vf_exp_upto88(vf x) {
    vi index;
    vf k, r = vf_exp_reduce16(vf_max(vf_set(-104.0f), x), &k, &index), power = vf_scale(vf_lookup16(vm_power, index), k);
    return vf_fma(power, vf_exp16_less_1(r), power);
}

/* exp(x) - 1 = 2^k (exp(r) - 1) + 2^k - 1, at half its size until the end, for 2^128 is no float */
CG_INLINE vf vf_expm1(vf x) {
    vf k, r = vf_exp_reduce(vf_max(vf_set(-30.0f), vf_min(vf_set(89.0f), x)), &k);
    vf half = vf_scale(vf_set(0.5f), k);
    vf y = vf_fma(half * (r * r), vf_exp_tail(r), vf_fma(half, r, half - 0.5f));
    return vf_if_less(vf_abs(x), vf_set(0x1p-25f), x, y + y); /* so that -0 and denormals stay what they are */
}

/* r coth(r / 2) = p for |r| <= log(2) / 2: exp(r) = (p + r) / (p - r), which suits what divides anyway: half of exp's polynomial */
CG_INLINE vf vf_exp_fraction(vf r) {
    vf s = r * r;
    return vf_fma(vf_fma(vf_set(-0x1.6a8a64p-9f), s, vf_set(0x1.555514p-3f)), s, vf_set(2.0f));
}

/* exp(-|x|) = up / down */
CG_INLINE vf vf_exp_below(vf x, vf *down) {
    vf k, r = vf_exp_reduce(vf_max(vf_set(-104.0f), vf_below(x)), &k), p = vf_exp_fraction(r);
    *down = p - r;
    return vf_scale(p + r, k);
}

/* 1 / (1 + exp(-x)), without overflow: down / (down + up), or up / (down + up) below 0 */
CG_INLINE vf vf_sigmoid(vf x) {
    vf down, up = vf_exp_below(x, &down);
    return vf_if_less(x, vf_set(0.0f), up, down) / (down + up);
}

/* Points inside the intervals at whose ends x + 5/8 is a power of two or a quarter, a half or three quarters more, listed from 1 - 5/8 on;
 * their tanh is a float but for 2^-38 or so: these points were looked for. */
static const float vm_tanh_point[16] __attribute__((aligned(64))) = {
    0x1.a037e8p0f, 0x1.103cd2p1f, 0x1.501f78p1f, 0x1.8ff904p1f, 0x1.f01ec6p1f, 0x1.37f756p2f, 0x1.77d87ap2f, 0x1.b7d858p2f,
    0x1.0a2b24p3f, 0.0f, 0x1.7fda1ep-3f, 0x1.400624p-2f, 0x1.0037d6p-1f, 0x1.8012d8p-1f, 0x1.ffd33ep-1f, 0x1.3fed1ep0f,
};
static const float vm_tanh_value[16] __attribute__((aligned(64))) = {
    0x1.d9d70ap-1f, 0x1.f1a6c6p-1f, 0x1.faaa30p-1f, 0x1.fe06b4p-1f, 0x1.ff8f58p-1f, 0x1.fff0b4p-1f, 0x1.fffdecp-1f, 0x1.ffffb8p-1f,
    0x1.fffffcp-1f, 0.0f, 0x1.7b6b64p-3f, 0x1.35ff1ep-2f, 0x1.d98d0cp-2f, 0x1.453d7cp-1f, 0x1.85dcdep-1f, 0x1.b247a4p-1f,
};

/* |x| = point + d, tanh(point) = t: t + (1 - t^2) tanh(d) / (1 + t tanh(d)), with tanh(d) = d / p, p = d coth(d). The intervals grow with
 * |x| as 1 - t^2 shrinks, so that two terms of p will do. */
CG_INLINE vf vf_tanh(vf x) {
    vf a = vf_min(vf_set(9.3f), vf_abs(x)); /* tanh(9.3) rounds to 1 */
    vi index = (vi)(a + 0.625f) >> 21;
    vf d = a - vf_lookup16(vm_tanh_point, index), t = vf_lookup16(vm_tanh_value, index), s = d * d;
    vf p = vf_fma(vf_fma(vf_set(-0x1.6721b6p-6f), s, vf_set(0x1.555444p-2f)), s, vf_set(1.0f));
    vf y = t + vf_fma(-t, t, vf_set(1.0f)) * d / vf_fma(t, d, p);
    return (vf)((vi)y | ((vi)x & INT32_MIN)); /* y >= 0 */
}

/* log(2^k (1 + f)), sqrt(1/2) <= 1 + f < sqrt(2) */
CG_INLINE vf vf_log_reduced(vf f, vi k) {
    vf n = __builtin_convertvector(k, vf), square = f * f;
    vf p = vf_set(-0x1.38c9dep-4f); /* (log(1 + f) - f + f^2 / 2) / f^3 */
    p = vf_fma(p, f, vf_set(0x1.055ec6p-3f));
    p = vf_fma(p, f, vf_set(-0x1.0d8242p-3f));
    p = vf_fma(p, f, vf_set(0x1.22d92ep-3f));
    p = vf_fma(p, f, vf_set(-0x1.54728ap-3f));
    p = vf_fma(p, f, vf_set(0x1.99a01cp-3f));
    p = vf_fma(p, f, vf_set(-0x1.000226p-2f));
    p = vf_fma(p, f, vf_set(0x1.555554p-2f));
    vf y = vf_fma(p, square * f, n * 0x1.7f7d1cp-20f); /* log 2 in two parts, as above */
    y = f + vf_fma(vf_set(-0.5f), square, y);
    return vf_fma(n, vf_set(0x1.62e4p-1f), y);
}

/* The bits of x less those of sqrt(1/2): the exponent's place holds k such that sqrt(1/2) <= 2^-k x < sqrt(2). */
CG_INLINE vi vf_log_bits(vf x) { return (vi)((vu)x - 0x3f3504f3u); }

/* y, a logarithm whose argument was u, where 0 < u < infinity; else what log(u) is: -infinity at 0, NaN below, u for infinity and NaN */
CG_INLINE vf vf_log_domain(vf u, vf y) {
    y = vf_select((vi)(u < INFINITY), y, u);
    y = vf_select((vi)(u == 0.0f), vf_set(-INFINITY), y);
    return vf_select((vi)(u < 0.0f), vf_set(NAN), y);
}

CG_INLINE vf vf_log(vf x) {
    vi denormal = (vi)(x < 0x1p-126f);
    vi bits = vf_log_bits(vf_select(denormal, x * 0x1p25f, x));
    vf m = (vf)((bits & 0x7fffff) + 0x3f3504f3);
    return vf_log_domain(x, vf_log_reduced(m - 1.0f, (bits >> 23) - (denormal & 25)));
}

/* 1 + x, rounded, gives k; f = 2^-k (1 + x) - 1 is then taken from x itself, with one rounding. 2^(2-k) is a normal number for all k. */
CG_INLINE vf vf_log1p(vf x) {
    vf u = 1.0f + x;
    vi k = vf_log_bits(u) >> 23;
    vf scale = vf_power_of_two(2 - k);
    vf y = vf_log_reduced(vf_fma(0.25f * x, scale, vf_fma(vf_set(0.25f), scale, vf_set(-1.0f))), k);
    return vf_if_less(vf_abs(x), vf_set(0x1p-25f), x, vf_log_domain(u, y));
}

/* log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)); log1p of a value in 0 .. 1 needs no special cases. Its exp comes without a table, whose
 * rounding would be felt. */
CG_INLINE vf vf_softplus(vf x) {
    vf n, r = vf_exp_reduce(vf_max(vf_set(-104.0f), vf_below(x)), &n);
    vf e = vf_scale(vf_fma(vf_fma(vf_exp_tail(r), r, vf_set(1.0f)), r, vf_set(1.0f)), n);
    vi k = vf_log_bits(1.0f + e) >> 23;
    vf scale = vf_power_of_two(-k);
    return vf_max(vf_set(0.0f), x) + vf_log_reduced(vf_fma(e, scale, scale - 1.0f), k);
}

/* The normal distribution function, 1/2 + x P(x^2) / Q(x^2). Q begins with x^10 alone, which spares a multiplication. Exactly 0 and 1 from
 * 5.54 on, where the product is 1/2. */
CG_INLINE vf vf_normal_cdf(vf x) {
    vf a = vf_max(vf_set(-0x1.623bcep2f), vf_min(vf_set(0x1.623bcep2f), x)), s = a * a;
    vf p = vf_set(0x1.35beb2p-6f), q = s + 0x1.f2b414p5f;
    p = vf_fma(p, s, vf_set(0x1.5588d0p2f));
    q = vf_fma(q, s, vf_set(0x1.8e180ap10f));
    p = vf_fma(p, s, vf_set(0x1.1eee4cp7f));
    q = vf_fma(q, s, vf_set(0x1.798496p14f));
    p = vf_fma(p, s, vf_set(0x1.ec6042p11f));
    q = vf_fma(q, s, vf_set(0x1.9d88ecp17f));
    p = vf_fma(p, s, vf_set(0x1.bf0b20p14f));
    q = vf_fma(q, s, vf_set(0x1.9a3280p19f));
    p = vf_fma(p, s, vf_set(0x1.474a3ep18f));
    return 0.5f + a * (p / q);
}

/* The derivative of x Phi(x), Phi(x) + x phi(x), likewise. Exactly 0 and 1 from 5.99 on. */
CG_INLINE vf vf_gelu_slope(vf x) {
    vf a = vf_max(vf_set(-0x1.7f2492p2f), vf_min(vf_set(0x1.7f2492p2f), x)), s = a * a;
    vf p = vf_set(-0x1.0f694ap-36f), q = vf_set(0x1.734984p-18f);
    p = vf_fma(p, s, vf_set(0x1.80b0dcp-29f));
    p = vf_fma(p, s, vf_set(-0x1.b8b1fep-24f));
    p = vf_fma(p, s, vf_set(0x1.14a6f0p-15f));
    q = vf_fma(q, s, vf_set(0x1.3a999ep-13f));
    p = vf_fma(p, s, vf_set(-0x1.3837fep-13f));
    q = vf_fma(q, s, vf_set(0x1.828e32p-9f));
    p = vf_fma(p, s, vf_set(0x1.dc21f0p-7f));
    q = vf_fma(q, s, vf_set(0x1.2eb66ap-5f));
    p = vf_fma(p, s, vf_set(-0x1.548218p-5f));
    q = vf_fma(q, s, vf_set(0x1.1ffd7ep-2f));
    p = vf_fma(p, s, vf_set(0x1.98845ap-1f));
    q = vf_fma(q, s, vf_set(1.0f));
    return 0.5f + a * (p / q);
}

/* ---- double precision, one number at a time: loops over these become vectors of doubles ---- */

CG_INLINE uint64_t double_bits(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

CG_INLINE double double_of(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* log2(x) for normal 0 < x < infinity, good to 2^-32 of it. x = 2^k m, sqrt(1/2) <= m < sqrt(2); log2(m) = 2 / log(2) atanh(s), by Taylor's series. */
CG_INLINE double scalar_log2(double x) {
    const uint64_t bits = double_bits(x), exponent = (bits + (0x3ff0000000000000u - 0x3fe6a09e667f3bcdu)) >> 52;
    const double k = double_of(0x4330000000000000u | exponent) - (0x1p52 + 1023);
    const double m = double_of(bits - (exponent << 52) + 0x3ff0000000000000u), s = (m - 1) / (m + 1), z = s * s;
    double p = z * (1.0 / 13) + 1.0 / 11;
    p = p * z + 1.0 / 9;
    p = p * z + 1.0 / 7;
    p = p * z + 1.0 / 5;
    p = p * z + 1.0 / 3;
    p = p * z + 1;
    return k + s * (p * 0x1.71547652b82fep1);
}

/* 2^t, good to 2^-32 of it: 2^n exp(w), |w| <= log(2) / 2, by Taylor's series. t is clipped to +-160, which as floats are infinity and 0. */
CG_INLINE double scalar_exp2(double t) {
    const double shift = 0x1.8p52; /* turns doubles into integers and back */
    t = t < -160 ? -160 : t;
    t = t > 160 ? 160 : t;
    const double shifted = t + shift, w = (t - (shifted - shift)) * 0x1.62e42fefa39efp-1;
    double e = w * (1.0 / 40320) + 1.0 / 5040;
    e = e * w + 1.0 / 720;
    e = e * w + 1.0 / 120;
    e = e * w + 1.0 / 24;
    e = e * w + 1.0 / 6;
    e = e * w + 0.5;
    e = e * w + 1;
    e = e * w + 1;
    return double_of(double_bits(e) + (double_bits(shifted) << 52));
}

/* x^y = 2^(y log2 |x|), rounded once, so also without fused multiply-add the same everywhere. A float as a double is never denormal.
 * Special cases as in C's Annex F; ordinary: there are none, because 0 < x < infinity and y is finite. */
CG_INLINE float scalar_power(float x_, float y_, const int ordinary) {
    const double x = x_, y = y_, a = fabs(x);
    double log2_a = scalar_log2(a);
    if (!ordinary) log2_a = a == 0 ? -INFINITY : a < INFINITY ? log2_a : a;
    const double t = y * log2_a;
    double power = scalar_exp2(t);
    if (ordinary) return (float)power;
    power = t != t ? t : power;
    /* from 2^24 on, all floats are even */
    const double size = fabs(y) < 0x1p25 ? fabs(y) : 0x1p25, whole = size + 0x1.8p52;
    const uint64_t is_whole = whole - 0x1.8p52 == size, is_odd = is_whole & double_bits(whole);
    power = ((x < 0) & (a < INFINITY) & !is_whole) ? NAN : power;
    power = double_of(double_bits(power) ^ ((double_bits(x) >> 63 & is_odd) << 63));
    power = ((x == -1) & (fabs(y) == INFINITY)) ? 1 : power;
    return (float)(((x == 1) | (y == 0)) ? 1 : power);
}
#endif
