/* functions.c: the functions of keras.ops that no layer needs and many formulas do: rounding, logarithms, trigonometric, hyperbolic, erf.
 *
 * Rounding, log1p and expm1 are vector functions. The others compute in double precision by Taylor's series and round once, with
 * + - * / and sqrt alone, so that they are the same on every machine: at most 0.51 units in the last place off (erfinv: 4). fmod is exact
 * by definition, so the C library's serves. */

/* ---- rounding ---- */

CG_INLINE vf vf_truncated(vf x) { /* from 2^23 on, floats are whole */
    const vi small = (vi)(vf_abs(x) < 0x1p23f);
    const vf whole = __builtin_convertvector(__builtin_convertvector(vf_select(small, x, vf_set(0.0f)), vi), vf);
    return vf_select(small, vf_copysign(whole, x), x);
}
CG_INLINE vf vf_floor(vf x) {
    const vf t = vf_truncated(x);
    return vf_select((vi)(t > x), t - 1.0f, t);
}
CG_INLINE vf vf_ceil(vf x) {
    const vf t = vf_truncated(x);
    return vf_select((vi)(t < x), vf_copysign(t + 1.0f, x), t);
}
CG_INLINE vf vf_nearest(vf x) { /* adding 2^23 rounds, halves to even */
    const vf a = vf_abs(x);
    return vf_select((vi)(a < 0x1p23f), vf_copysign(a + 0x1p23f - 0x1p23f, x), x);
}
SPAN(floor_span, 1, vf_floor(a))
SPAN(ceil_span, 1, vf_ceil(a))
SPAN(round_span, 1, vf_nearest(a))
SPAN(trunc_span, 1, vf_truncated(a))
SPAN(sign_span, 1, vf_select((vi)(vf_abs(a) > 0.0f), vf_copysign(vf_set(1.0f), a), a)) /* 0 and NaN stay */
SPAN(log1p_span, 1, vf_log1p(a))
SPAN(expm1_span, 1, vf_expm1(a))

/* ---- in double precision ---- */

static const double LOG_2 = 0x1.62e42fefa39efp-1, LOG2_E = 0x1.71547652b82fep0, HALF_PI = 0x1.921fb54442d18p0;

CG_INLINE double scalar_log(double x, double base) { /* log2(x) base */
    return x > 0 && x < INFINITY ? scalar_log2(x) * base : x == 0 ? -INFINITY : x < 0 ? NAN : x;
}
CG_INLINE double scalar_log1p(double u) { /* what 1 + u loses is added; u >= 0 */
    const double w = 1 + u;
    return w < INFINITY ? scalar_log2(w) * LOG_2 + (u - (w - 1)) / w : w;
}
CG_INLINE double scalar_exp(double x) { return x != x ? x : scalar_exp2(x * LOG2_E); }

/* x = quarter (pi / 2) + r, |r| <= pi / 4. pi / 2 in two parts: 33 bits, whose product with quarter < 2^20 is exact, and the rest. */
CG_INLINE double reduced_angle(double x, uint64_t *quarter) {
    const double shifted = x * 0x1.45f306dc9c883p-1 + 0x1.8p52, k = shifted - 0x1.8p52;
    *quarter = double_bits(shifted);
    return x - k * 0x1.921fb544p0 - k * 0x1.0b4611a626331p-34;
}
/* The same for floats from 2^20 on, of the form m 2^e: m times the bits of 2^e 2 / pi from its 2s to 2^-94, modulo 4. (Payne and Hanek 1983) */
static double reduced_large_angle(double x, uint64_t *quarter) {
    static const uint64_t two_over_pi[] = {0, 0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561, 0};
    const float a = (float)fabs(x);
    uint32_t bits;
    memcpy(&bits, &a, sizeof bits);
    const uint64_t m = (bits & 0x7fffff) | 0x800000;
    const int first = 62 + (int)(bits >> 23) - 150, shift = first % 64; /* the first bit after those that give multiples of 4 */
    const uint64_t *word = two_over_pi + first / 64;
    const uint64_t high = shift ? word[0] << shift | word[1] >> (64 - shift) : word[0];
    const uint64_t low = (shift ? word[1] << shift | word[2] >> (64 - shift) : word[1]) >> 32;
    const uint64_t product = m * high + (m * low >> 32), n = (product + (1ull << 61)) >> 62;
    const double r = (double)(int64_t)(product - (n << 62)) * (HALF_PI * 0x1p-62);
    *quarter = x < 0 ? 0 - n : n;
    return x < 0 ? -r : r;
}
CG_INLINE double sine_series(double r) {
    const double s = r * r;
    double p = s * (1.0 / 6227020800) - 1.0 / 39916800;
    p = p * s + 1.0 / 362880;
    p = p * s - 1.0 / 5040;
    p = p * s + 1.0 / 120;
    p = p * s - 1.0 / 6;
    return r + r * s * p;
}
CG_INLINE double cosine_series(double r) {
    const double s = r * r;
    double p = s * (-1.0 / 87178291200) + 1.0 / 479001600;
    p = p * s - 1.0 / 3628800;
    p = p * s + 1.0 / 40320;
    p = p * s - 1.0 / 720;
    p = p * s + 1.0 / 24;
    p = p * s - 0.5;
    return 1 + s * p;
}
enum { SINE, COSINE, TANGENT };
CG_INLINE float scalar_trigonometric(float x, const int which, const int large) {
    uint64_t quarter;
    const double r = large && fabsf(x) >= 0x1p20f ? reduced_large_angle(x, &quarter) : reduced_angle(x, &quarter);
    const double s = sine_series(r), c = cosine_series(r);
    quarter += which == COSINE;
    double y = quarter & 1 ? c : s;
    if (which == TANGENT) y /= quarter & 1 ? -s : c;
    else y = quarter & 2 ? -y : y;
    return (float)(large && !(fabsf(x) < INFINITY) ? NAN : y);
}

/* The angle of (x, y). Its tangent, or cotangent, t is at most 1; above tan(pi / 8), atan(t) = pi / 4 + atan((t - 1) / (t + 1)). */
CG_INLINE double scalar_arctan2(double y, double x) {
    const double a = fabs(x), b = fabs(y), low = a < b ? a : b, high = a < b ? b : a;
    const int folded = low > 0x1.a827999fcef32p-2 * high; /* not where both are infinite: t is 1 then */
    double t = folded ? (low - high) / (low + high) : low / high;
    t = low == high ? 0 : t;
    const double s = t * t;
    double p = 1.0 / 25;
    p = p * s - 1.0 / 23;
    p = p * s + 1.0 / 21;
    p = p * s - 1.0 / 19;
    p = p * s + 1.0 / 17;
    p = p * s - 1.0 / 15;
    p = p * s + 1.0 / 13;
    p = p * s - 1.0 / 11;
    p = p * s + 1.0 / 9;
    p = p * s - 1.0 / 7;
    p = p * s + 1.0 / 5;
    p = p * s - 1.0 / 3;
    double angle = t + t * s * p + (folded || (low == high && high > 0) ? HALF_PI / 2 : 0);
    angle = a < b ? HALF_PI - angle : angle;
    angle = double_bits(x) >> 63 ? 2 * HALF_PI - angle : angle;
    return x != x || y != y ? x + y : copysign(angle, y);
}

CG_INLINE double scalar_sinh(double x) {
    const double a = fabs(x), s = x * x, e = scalar_exp(a);
    double p = s * (1.0 / 6227020800) + 1.0 / 39916800;
    p = p * s + 1.0 / 362880;
    p = p * s + 1.0 / 5040;
    p = p * s + 1.0 / 120;
    p = p * s + 1.0 / 6;
    return a < 1 ? x + x * s * p : copysign(0.5 * (e - 1 / e), x);
}
CG_INLINE double scalar_cosh(double x) {
    const double e = scalar_exp(fabs(x));
    return 0.5 * (e + 1 / e);
}
CG_INLINE double scalar_arcsinh(double x) {
    const double a = fabs(x);
    return a < INFINITY ? copysign(scalar_log1p(a + a * a / (1 + sqrt(1 + a * a))), x) : x;
}
CG_INLINE double scalar_arccosh(double x) {
    const double t = x - 1;
    return t < 0 ? NAN : scalar_log1p(t + sqrt(2 * t + t * t));
}
CG_INLINE double scalar_arctanh(double x) {
    const double a = fabs(x);
    return a <= 1 ? copysign(0.5 * scalar_log1p(2 * a / (1 - a)), x) : NAN;
}

/* Below 1 by Taylor's series, 2 / sqrt(pi) sum_n (-1)^n x^(2n+1) / (n! (2n+1)). Above, 1 - exp(-x^2) p: p = exp(x^2) erfc(x) on 1 .. 4, a
 * least-squares polynomial in (x - 2) / (x + 2) at 4000 Chebyshev nodes, within 4e-12 of it. From 4 on, erf rounds to 1. */
CG_INLINE double scalar_erf(double x) {
    const double a = fabs(x) < 4 ? fabs(x) : 4, z = a * a, t = (a - 2) / (a + 2);
    double s = -1.0 / 918086400;
    s = s * z + 1.0 / 76204800;
    s = s * z - 1.0 / 6894720;
    s = s * z + 1.0 / 685440;
    s = s * z - 1.0 / 75600;
    s = s * z + 1.0 / 9360;
    s = s * z - 1.0 / 1320;
    s = s * z + 1.0 / 216;
    s = s * z - 1.0 / 42;
    s = s * z + 1.0 / 10;
    s = s * z - 1.0 / 3;
    s = s * z + 1.0 / 1;
    double p = 0x1.61a5313260ae5p-13;
    p = p * t + 0x1.a6aed172f2383p-15;
    p = p * t - 0x1.0158e2cff22cbp-10;
    p = p * t - 0x1.bc79b1413f00dp-11;
    p = p * t + 0x1.ca9612e01fe0bp-8;
    p = p * t + 0x1.e947e00475c9dp-9;
    p = p * t - 0x1.437f0b9c00992p-4;
    p = p * t + 0x1.eeea7dbe193aap-3;
    p = p * t - 0x1.b57034efaec9fp-2;
    p = p * t + 0x1.058671b52f34ep-2;
    return x != x ? x : copysign(a < 1 ? 0x1.20dd750429b6dp0 * (a * s) : 1 - scalar_exp(-z) * p, x);
}
/* Polynomials in w = -log(1 - x^2) (Giles 2010, single precision) */
CG_INLINE double scalar_erfinv(double x) {
    const double w = -scalar_log((1 - x) * (1 + x), LOG_2), t = w < 5 ? w - 2.5 : sqrt(w) - 3;
    static const double near[] = {2.81022636e-08,  3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                                  -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};
    static const double far[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                                 -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
    double p = 0;
    for (int i = 0; i < 9; i++) p = p * t + (w < 5 ? near[i] : far[i]);
    return w < INFINITY ? p * x : w > 0 ? x * INFINITY : NAN;
}

#define DOUBLE_SPAN(name, formula)                                                                                    \
    static void name(float *y, const float *a, const float *b, int64_t n, float p, float q, int stream) {             \
        (void)b, (void)p, (void)q, (void)stream;                                                                      \
        CG_VECTORIZE                                                                                                 \
        for (int64_t i = 0; i < n; i++) {                                                                             \
            const double x = a[i];                                                                                    \
            y[i] = (float)(formula);                                                                                  \
        }                                                                                                             \
    }
DOUBLE_SPAN(log2_span, scalar_log(x, 1))
DOUBLE_SPAN(log10_span, scalar_log(x, 0x1.34413509f79ffp-2))
DOUBLE_SPAN(arcsin_span, scalar_arctan2(x, sqrt((1 - x) * (1 + x))))
DOUBLE_SPAN(arccos_span, scalar_arctan2(sqrt((1 - x) * (1 + x)), x))
DOUBLE_SPAN(arctan_span, scalar_arctan2(x, 1))
DOUBLE_SPAN(sinh_span, scalar_sinh(x))
DOUBLE_SPAN(cosh_span, scalar_cosh(x))
DOUBLE_SPAN(arcsinh_span, scalar_arcsinh(x))
DOUBLE_SPAN(arccosh_span, scalar_arccosh(x))
DOUBLE_SPAN(arctanh_span, scalar_arctanh(x))
DOUBLE_SPAN(erf_span, scalar_erf(x))
DOUBLE_SPAN(erfinv_span, scalar_erfinv(x))

/* In pieces: only the loop without large angles becomes vectors. */
#define TRIGONOMETRIC_SPAN(name, which)                                                                               \
    static void name(float *y, const float *a, const float *b, int64_t n, float p, float q, int stream) {             \
        (void)b, (void)p, (void)q, (void)stream;                                                                      \
        for (int64_t i = 0; i < n; i += 64) {                                                                         \
            const int64_t end = cg_min64(n, i + 64);                                                                  \
            int large = 0;                                                                                            \
            for (int64_t j = i; j < end; j++) large |= !(fabsf(a[j]) < 0x1p20f);                                      \
            if (large) {                                                                                              \
                for (int64_t j = i; j < end; j++) y[j] = scalar_trigonometric(a[j], which, 1);                        \
                continue;                                                                                             \
            }                                                                                                         \
            CG_VECTORIZE                                                                                             \
            for (int64_t j = i; j < end; j++) y[j] = scalar_trigonometric(a[j], which, 0);                            \
        }                                                                                                             \
    }
TRIGONOMETRIC_SPAN(sin_span, SINE)
TRIGONOMETRIC_SPAN(cos_span, COSINE)
TRIGONOMETRIC_SPAN(tan_span, TANGENT)

static int CG_FN(function)(float *y, const float *x, int64_t n, int function) {
    static const struct { map_span *span; int flops; } functions[] = {
        [CG_FLOOR] = {floor_span, 4}, [CG_CEIL] = {ceil_span, 4}, [CG_ROUND] = {round_span, 3}, [CG_TRUNC] = {trunc_span, 3},
        [CG_SIGN] = {sign_span, 2}, [CG_LOG1P] = {log1p_span, 30}, [CG_EXPM1] = {expm1_span, 20}, [CG_LOG2] = {log2_span, 60},
        [CG_LOG10] = {log10_span, 60}, [CG_SIN] = {sin_span, 80}, [CG_COS] = {cos_span, 80}, [CG_TAN] = {tan_span, 100},
        [CG_ARCSIN] = {arcsin_span, 120}, [CG_ARCCOS] = {arccos_span, 120}, [CG_ARCTAN] = {arctan_span, 100},
        [CG_SINH] = {sinh_span, 100}, [CG_COSH] = {cosh_span, 80}, [CG_ARCSINH] = {arcsinh_span, 120},
        [CG_ARCCOSH] = {arccosh_span, 120}, [CG_ARCTANH] = {arctanh_span, 120}, [CG_ERF] = {erf_span, 300}, [CG_ERFINV] = {erfinv_span, 100},
    };
    return map(functions[function].span, y, x, x, n, 0, 0, functions[function].flops);
}

/* ---- of two arrays ---- */

CG_INLINE float scalar_mod(float a, float b) { /* with the sign of b */
    const float r = fmodf(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r == 0 ? copysignf(r, b) : r;
}
CG_INLINE float scalar_floor_divide(float a, float b) {
    if (b == 0) return a / b;
    const float q = (a - scalar_mod(a, b)) / b, whole = floorf(q);
    return q - whole > 0.5f ? whole + 1 : whole;
}
NEST_PAIR(mod_row, float, float, scalar_mod(a, b))
NEST_PAIR(floor_divide_row, float, float, scalar_floor_divide(a, b))
NEST_PAIR(arctan2_row, float, float, scalar_arctan2(a, b))
NEST_PAIR(hypot_row, float, float, fabsf(a) == INFINITY || fabsf(b) == INFINITY ? INFINITY : sqrt((double)a * a + (double)b * b))
static int CG_FN(function_pair)(float *y, const float *a, const float *b, int64_t rank, cg_dims shape, cg_dims strides_a, cg_dims strides_b,
                                int function) {
    static nest_row *const rows[] = {mod_row, floor_divide_row, arctan2_row, hypot_row};
    struct nest job = {rows[function], (char *)y, 4, 2, rank, shape, {{a, 4, strides_a}, {b, 4, strides_b}}};
    return run_nest(&job, 60);
}
