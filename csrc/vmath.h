/* vmath.h: exp, log, tanh and their relatives over a vf.
 *
 * Each is a range reduction and a polynomial in vec.h's exactly rounded operations, without libm, so an element's bits depend
 * neither on its place in a vector nor on the machine (baseline x86, which has no fused multiply-add, may differ in the last bits).
 *
 * Coefficients: weighted least squares on 2000 Chebyshev nodes against 40-digit values, the weights raised where the error is largest
 * until it is level (Lawson's iteration), which gives the minimax polynomial of the relative error; then the coefficients are
 * rounded to float one at a time, lowest first, and the remaining ones fitted again.
 *
 * Largest errors in units in the last place, against double precision, over 10^7 floats spread evenly over all bit patterns and
 * 7 10^6 more where the functions bend (the same with and without fused multiply-add, but for the last):
 *   exp 1.03   expm1 1.30   tanh 1.31   sigmoid 2.31   log 0.86   log1p 1.41   softplus 1.65
 *   normal_cdf 6.2, its density 2.7; without fused multiply-add 66 at the tail's end, where exp(-x^2 / 2) feels x^2's rounding
 * Zeros, infinities, NaN and denormals give what IEEE 754 and C's Annex F ask for. */
#ifndef CYGRAD_VMATH_H
#define CYGRAD_VMATH_H
#include "vec.h"

/* 2^n for n in -126 .. 127 */
CG_INLINE vf vf_power_of_two(vi n) { return (vf)((n + 127) << 23); }

/* x = n log 2 + r with |r| <= log(2) / 2; x in -150 .. 150 or NaN. n is rounded by adding 1.5 2^23, after which the sum's lowest bits
 * are n. log 2 is split so that n times its high part is exact, also without a fused multiply-add. */
CG_INLINE vf vf_exp_reduce(vf x, vi *n) {
    const vf shift = vf_set(0x1.8p23f);
    vf shifted = vf_fma(x, vf_set(0x1.715476p0f), shift), k = shifted - shift;
    *n = (vi)shifted - (vi)shift;
    return vf_fma(k, vf_set(-0x1.7f7d1cp-20f), vf_fma(k, vf_set(-0x1.62e4p-1f), x));
}

/* (exp(r) - 1 - r) / r^2 for |r| <= log(2) / 2 */
CG_INLINE vf vf_exp_tail(vf r) {
    vf p = vf_set(0x1.6d5f64p-10f);
    p = vf_fma(p, r, vf_set(0x1.1227acp-7f));
    p = vf_fma(p, r, vf_set(0x1.5554dap-5f));
    p = vf_fma(p, r, vf_set(0x1.5554b0p-3f));
    return vf_fma(p, r, vf_set(0.5f));
}

CG_INLINE vf vf_exp(vf x) {
    vi n;
    vf r = vf_exp_reduce(vf_max(vf_set(-104.0f), vf_min(vf_set(89.0f), x)), &n); /* exp(-104) rounds to 0, exp(89) to infinity */
    vf y = 1.0f + vf_fma(r * r, vf_exp_tail(r), r);
    vi half = n >> 1; /* in two factors, for neither 2^128 nor 2^-150 is a normal number; only the last product is rounded */
    return y * vf_power_of_two(half) * vf_power_of_two(n - half);
}

/* exp(x) - 1 = 2^n (exp(r) - 1) + 2^n - 1, at half its size until the end, for 2^128 is no float */
CG_INLINE vf vf_expm1(vf x) {
    vi n;
    vf r = vf_exp_reduce(vf_max(vf_set(-30.0f), vf_min(vf_set(89.0f), x)), &n);
    vf half = vf_power_of_two(n - 1);
    vf y = vf_fma(half * (r * r), vf_exp_tail(r), vf_fma(half, r, half - 0.5f));
    return vf_select((vi)(vf_abs(x) < 0x1p-25f), x, y + y); /* so that -0 and denormals stay what they are */
}

CG_INLINE vf vf_tanh(vf x) {
    vf a = vf_abs(x), s = x * x;
    vi n;
    vf r = vf_exp_reduce(vf_min(vf_set(20.0f), a + a), &n); /* tanh(10) rounds to 1 */
    vf e = (1.0f + vf_fma(r * r, vf_exp_tail(r), r)) * vf_power_of_two(n);
    vf p = vf_set(-0x1.76922ap-8f); /* (tanh(x) / x - 1) / x^2 for |x| < 0.625, where the other formula would cancel */
    p = vf_fma(p, s, vf_set(0x1.52509ep-6f));
    p = vf_fma(p, s, vf_set(-0x1.b84340p-5f));
    p = vf_fma(p, s, vf_set(0x1.110760p-3f));
    p = vf_fma(p, s, vf_set(-0x1.555534p-2f));
    return vf_copysign(vf_select((vi)(a < 0.625f), vf_fma(p * s, a, a), 1.0f - 2.0f / (e + 1.0f)), x);
}

/* 1 / (1 + exp(-x)), with e = exp(-|x|), which does not overflow: 1 / (1 + e) or e / (1 + e) */
CG_INLINE vf vf_sigmoid(vf x) {
    vf e = vf_exp(-vf_abs(x));
    return vf_select((vi)(x < 0.0f), e, vf_set(1.0f)) / (1.0f + e);
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
    return vf_select((vi)(vf_abs(x) < 0x1p-25f), x, vf_log_domain(u, y));
}

/* log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)); log1p of a value in 0 .. 1 needs no special cases */
CG_INLINE vf vf_softplus(vf x) {
    vf e = vf_exp(-vf_abs(x));
    vi k = vf_log_bits(1.0f + e) >> 23;
    vf scale = vf_power_of_two(-k);
    return vf_max(vf_set(0.0f), x) + vf_log_reduced(vf_fma(e, scale, scale - 1.0f), k);
}

/* The normal distribution function Phi(x), accurate to the end of its lower tail; *density = phi(x) = exp(-x^2 / 2) / sqrt(2 pi).
 * Phi(-a) = exp(-a^2 / 2) t P(t), t = 1 / (1 + a / 4), from 1.25 on; nearer to 0, where that would lose bits, a polynomial in a^2.
 * Beyond 15 all is 0 or 1. */
CG_INLINE vf vf_normal_cdf(vf x, vf *density) {
    vf a = vf_min(vf_set(15.0f), vf_abs(x)), square = a * a;
    vf e = vf_exp(-0.5f * square);
    e = vf_fma(-0.5f * vf_fma(a, a, -square), e, e); /* what a * a was rounded by */
    *density = e * 0x1.988454p-2f;
    vf t = 1.0f / vf_fma(vf_set(0.25f), a, vf_set(1.0f));
    vf p = vf_set(-0x1.8a9308p-5f);
    p = vf_fma(p, t, vf_set(0x1.d3486ap-4f));
    p = vf_fma(p, t, vf_set(-0x1.df1f56p-6f));
    p = vf_fma(p, t, vf_set(0x1.8f9a10p-4f));
    p = vf_fma(p, t, vf_set(0x1.239b4ap-4f));
    p = vf_fma(p, t, vf_set(0x1.8605d6p-4f));
    p = vf_fma(p, t, vf_set(0x1.97d67ap-4f));
    p = vf_fma(p, t, vf_set(0x1.988b6ap-4f));
    vf tail = e * (p * t);
    p = vf_set(-0x1.9112ccp-18f); /* (Phi(x) - 1/2) / x */
    p = vf_fma(p, square, vf_set(0x1.c42292p-14f));
    p = vf_fma(p, square, vf_set(-0x1.352da0p-10f));
    p = vf_fma(p, square, vf_set(0x1.46b106p-7f));
    p = vf_fma(p, square, vf_set(-0x1.10578ap-4f));
    p = vf_fma(p, square, vf_set(0x1.988452p-2f));
    return vf_select((vi)(a < 1.25f), vf_fma(p, x, vf_set(0.5f)), vf_select((vi)(x < 0.0f), tail, 1.0f - tail));
}
#endif
