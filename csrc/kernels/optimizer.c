/* optimizer.c: one optimizer step over the flat arena: weights and slots are read and written once, in vectors, on all threads. */
#include "../map.h"

/* A job's arrays past begin are one vector at a time, the last one partial: GET and PUT move n of its values. */
#define GET(p) vf_load_upto(job->p + i, end - i)
#define PUT(p, value) vf_store_upto(job->p + i, value, end - i)

/* A slot's value, 0 where it is next to nothing. Averages of gradients that have died out halve for ever, and end as denormal numbers, which
 * make a step of Adam 2.5 times as slow here and worse elsewhere; 1e-36 is far below what any weight notices. */
CG_INLINE vf settled(vf x) { return vf_select((vi)(vf_abs(x) < vf_set(1e-36f)), vf_set(0), x); }

/* A job on n weights; flops and bytes: for one weight. */
static void update(chunk_function *f, const void *job, int64_t n, double flops, double bytes) {
    cg_note_update();
    for_chunks(f, job, n, CHUNK, flops * (double)n, bytes * (double)n);
}

/* ---- SGD ---- */

struct sgd_job { float *w, *velocity; const float *g; float lr, momentum; };

static void sgd_plain_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct sgd_job *job = job_;
    for (int64_t i = begin; i < end; i += VLEN) PUT(w, vf_fma(vf_set(-job->lr), GET(g), GET(w)));
}

CG_INLINE void sgd_chunk(const struct sgd_job *job, int64_t begin, int64_t end, int nesterov) {
    const vf lr = vf_set(job->lr), momentum = vf_set(job->momentum);
    for (int64_t i = begin; i < end; i += VLEN) {
        vf step = lr * GET(g);
        vf velocity = settled(vf_fma(momentum, GET(velocity), -step));
        PUT(velocity, velocity);
        PUT(w, GET(w) + (nesterov ? vf_fma(momentum, velocity, -step) : velocity));
    }
}
static void sgd_momentum_chunk(const void *job, int64_t begin, int64_t end) { sgd_chunk(job, begin, end, 0); }
static void sgd_nesterov_chunk(const void *job, int64_t begin, int64_t end) { sgd_chunk(job, begin, end, 1); }

static int CG_FN(sgd_step)(float *w, float *velocity, const float *g, int64_t n, float lr, float momentum, int nesterov) {
    const struct sgd_job job = {w, velocity, g, lr, momentum};
    chunk_function *chunk = !velocity ? sgd_plain_chunk : nesterov ? sgd_nesterov_chunk : sgd_momentum_chunk;
    update(chunk, &job, n, 5, velocity ? 20 : 12);
    return CG_OK;
}

/* ---- Adam ---- */

struct adam_job { float *w, *m, *v, *vhat; const float *g; float rate, part1, part2, epsilon; };

CG_INLINE void adam_chunk(const struct adam_job *job, int64_t begin, int64_t end, int amsgrad) {
    const vf rate = vf_set(job->rate), part1 = vf_set(job->part1), part2 = vf_set(job->part2), epsilon = vf_set(job->epsilon);
    for (int64_t i = begin; i < end; i += VLEN) {
        vf g = GET(g), m = GET(m), v = GET(v);
        m = settled(vf_fma(part1, g - m, m));
        v = settled(vf_fma(part2, vf_fma(g, g, -v), v));
        PUT(m, m);
        PUT(v, v);
        if (amsgrad) {
            v = vf_max(GET(vhat), v); /* v where it is NaN */
            PUT(vhat, v);
        }
        PUT(w, GET(w) - rate * m / (vf_sqrt(v) + epsilon));
    }
}
static void adam_plain_chunk(const void *job, int64_t begin, int64_t end) { adam_chunk(job, begin, end, 0); }
static void adam_amsgrad_chunk(const void *job, int64_t begin, int64_t end) { adam_chunk(job, begin, end, 1); }

/* x^n for n >= 0, the same bits with every C library, which pow does not promise */
static double whole_power(double x, int64_t n) {
    double y = 1;
    for (; n > 0; n /= 2, x *= x)
        if (n % 2) y *= x;
    return y;
}

static int CG_FN(adam_step)(float *w, float *m, float *v, float *vhat, const float *g, int64_t n, float lr, float beta1, float beta2,
                            float epsilon, int64_t step) {
    /* In double, and from the same beta2 as 1 - beta2: for 0.999 that difference carries the rounding of beta2 a thousand times
     * enlarged, but it cancels against the correction. */
    const double rate = lr * sqrt(1 - whole_power(beta2, step)) / (1 - whole_power(beta1, step));
    const struct adam_job job = {w, m, v, vhat, g, (float)rate, (float)(1 - (double)beta1), (float)(1 - (double)beta2), epsilon};
    update(vhat ? adam_amsgrad_chunk : adam_plain_chunk, &job, n, 30, vhat ? 36 : 28);
    return CG_OK;
}

/* ---- RMSprop ---- */

struct rmsprop_job { float *w, *v, *a, *b; const float *g; float lr, rho, part, momentum, epsilon; };

static void rmsprop_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct rmsprop_job *job = job_;
    const vf lr = vf_set(job->lr), rho = vf_set(job->rho), part = vf_set(job->part), momentum = vf_set(job->momentum);
    const vf epsilon = vf_set(job->epsilon);
    for (int64_t i = begin; i < end; i += VLEN) {
        vf g = GET(g), v = settled(vf_fma(rho, GET(v), part * (g * g))), d = v + epsilon;
        PUT(v, v);
        if (job->a) {
            vf a = settled(vf_fma(rho, GET(a), part * g));
            PUT(a, a);
            d = vf_fma(-a, a, d);
        }
        vf u = lr * g / vf_sqrt(d);
        if (job->b) {
            u = settled(vf_fma(momentum, GET(b), u));
            PUT(b, u);
        }
        PUT(w, GET(w) - u);
    }
}

static int CG_FN(rmsprop_step)(float *w, float *v, float *a, float *b, const float *g, int64_t n, float lr, float rho, float momentum,
                               float epsilon) {
    const struct rmsprop_job job = {w, v, a, b, g, lr, rho, (float)(1 - (double)rho), momentum, epsilon};
    update(rmsprop_chunk, &job, n, 30, 20 + (a ? 8 : 0) + (b ? 8 : 0));
    return CG_OK;
}

/* ---- Adagrad, Adadelta ---- */

struct adagrad_job { float *w, *a; const float *g; float lr, epsilon; };

static void adagrad_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct adagrad_job *job = job_;
    const vf lr = vf_set(job->lr), epsilon = vf_set(job->epsilon);
    for (int64_t i = begin; i < end; i += VLEN) {
        vf g = GET(g), a = settled(vf_fma(g, g, GET(a)));
        PUT(a, a);
        PUT(w, GET(w) - lr * g / vf_sqrt(a + epsilon));
    }
}

static int CG_FN(adagrad_step)(float *w, float *a, const float *g, int64_t n, float lr, float epsilon) {
    const struct adagrad_job job = {w, a, g, lr, epsilon};
    for_chunks(adagrad_chunk, &job, n, CHUNK, 25.0 * (double)n, 20.0 * (double)n);
    return CG_OK;
}

struct adadelta_job { float *w, *a, *d; const float *g; float lr, rho, part, epsilon; };

static void adadelta_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct adadelta_job *job = job_;
    const vf lr = vf_set(job->lr), rho = vf_set(job->rho), part = vf_set(job->part), epsilon = vf_set(job->epsilon);
    for (int64_t i = begin; i < end; i += VLEN) {
        vf g = GET(g), d = GET(d), a = settled(vf_fma(rho, GET(a), part * (g * g)));
        vf u = vf_sqrt(d + epsilon) / vf_sqrt(a + epsilon) * g;
        PUT(a, a);
        PUT(d, settled(vf_fma(rho, d, part * (u * u))));
        PUT(w, vf_fma(-lr, u, GET(w)));
    }
}

static int CG_FN(adadelta_step)(float *w, float *a, float *d, const float *g, int64_t n, float lr, float rho, float epsilon) {
    const struct adadelta_job job = {w, a, d, g, lr, rho, (float)(1 - (double)rho), epsilon};
    for_chunks(adadelta_chunk, &job, n, CHUNK, 45.0 * (double)n, 28.0 * (double)n);
    return CG_OK;
}

/* ---- Adamax, Nadam, Lion ---- */

struct adamax_job { float *w, *m, *u; const float *g; float rate, part1, beta2, epsilon; };

static void adamax_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct adamax_job *job = job_;
    const vf rate = vf_set(job->rate), part1 = vf_set(job->part1), beta2 = vf_set(job->beta2), epsilon = vf_set(job->epsilon);
    for (int64_t i = begin; i < end; i += VLEN) {
        vf g = GET(g), m = GET(m);
        m = settled(vf_fma(part1, g - m, m));
        vf u = settled(vf_max(beta2 * GET(u), vf_abs(g))); /* |g| where it is NaN */
        PUT(m, m);
        PUT(u, u);
        PUT(w, GET(w) - rate * m / (u + epsilon));
    }
}

static int CG_FN(adamax_step)(float *w, float *m, float *u, const float *g, int64_t n, float lr, float beta1, float beta2, float epsilon,
                              int64_t step) {
    const double rate = lr / (1 - whole_power(beta1, step));
    const struct adamax_job job = {w, m, u, g, (float)rate, (float)(1 - (double)beta1), beta2, epsilon};
    for_chunks(adamax_chunk, &job, n, CHUNK, 20.0 * (double)n, 28.0 * (double)n);
    return CG_OK;
}

struct nadam_job { float *w, *m, *v; const float *g; float part1, part2, epsilon, m_rate, g_rate, correction; };

static void nadam_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct nadam_job *job = job_;
    const vf part1 = vf_set(job->part1), part2 = vf_set(job->part2), epsilon = vf_set(job->epsilon);
    const vf m_rate = vf_set(job->m_rate), g_rate = vf_set(job->g_rate), correction = vf_set(job->correction);
    for (int64_t i = begin; i < end; i += VLEN) {
        vf g = GET(g), m = GET(m), v = GET(v);
        m = settled(vf_fma(part1, g - m, m));
        v = settled(vf_fma(part2, vf_fma(g, g, -v), v));
        PUT(m, m);
        PUT(v, v);
        PUT(w, GET(w) - vf_fma(m_rate, m, g_rate * g) / (vf_sqrt(v * correction) + epsilon));
    }
}

static int CG_FN(nadam_step)(float *w, float *m, float *v, const float *g, int64_t n, float lr, float beta1, float beta2, float epsilon,
                             float m_part, float g_part, int64_t step) {
    const double correction = 1 / (1 - whole_power(beta2, step));
    const struct nadam_job job = {
        w, m, v, g, (float)(1 - (double)beta1), (float)(1 - (double)beta2), epsilon, lr * m_part, lr * g_part, (float)correction};
    for_chunks(nadam_chunk, &job, n, CHUNK, 32.0 * (double)n, 28.0 * (double)n);
    return CG_OK;
}

struct lion_job { float *w, *m; const float *g; float lr, beta1, part1, beta2, part2; };

static void lion_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct lion_job *job = job_;
    const vf lr = vf_set(job->lr), beta1 = vf_set(job->beta1), part1 = vf_set(job->part1);
    const vf beta2 = vf_set(job->beta2), part2 = vf_set(job->part2), zero = vf_set(0);
    for (int64_t i = begin; i < end; i += VLEN) {
        vf g = GET(g), m = GET(m), c = vf_fma(beta1, m, part1 * g);
        vf sign = vf_select((vi)(c > zero), vf_set(1), vf_select((vi)(c < zero), vf_set(-1), c)); /* NaN and 0 as they are */
        PUT(w, vf_fma(-lr, sign, GET(w)));
        PUT(m, settled(vf_fma(beta2, m, part2 * g)));
    }
}

static int CG_FN(lion_step)(float *w, float *m, const float *g, int64_t n, float lr, float beta1, float beta2) {
    const struct lion_job job = {w, m, g, lr, beta1, (float)(1 - (double)beta1), beta2, (float)(1 - (double)beta2)};
    for_chunks(lion_chunk, &job, n, CHUNK, 12.0 * (double)n, 20.0 * (double)n);
    return CG_OK;
}
/* ---- Ftrl ---- */

struct ftrl_job { float *w, *a, *z; const float *g; float lr, power, l1, l2, shrinkage; };

/* x^power of each value; a root where it is one */
CG_INLINE vf ftrl_power(vf x, float power) {
    if (power == 0.5f) return vf_sqrt(x);
    for (int k = 0; k < VLEN; k++) x[k] = scalar_power(x[k], power, 0);
    return x;
}

static void ftrl_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct ftrl_job *job = job_;
    const vf lr = vf_set(job->lr), l1 = vf_set(job->l1), l2 = vf_set(job->l2), shrinkage = vf_set(job->shrinkage);
    for (int64_t i = begin; i < end; i += VLEN) {
        vf w = GET(w), g = GET(g), old = GET(a), a = settled(vf_fma(g, g, old)), root = ftrl_power(a, job->power);
        vf sigma = (root - ftrl_power(old, job->power)) / lr;
        vf z = settled(vf_fma(-sigma, w, vf_fma(shrinkage, w, GET(z) + g)));
        PUT(a, a);
        PUT(z, z);
        PUT(w, (vf_max(-l1, vf_min(l1, z)) - z) / (root / lr + l2));
    }
}

static int CG_FN(ftrl_step)(float *w, float *a, float *z, const float *g, int64_t n, float lr, float lr_power, float l1, float l2,
                            float shrinkage, float beta) {
    const double ridge = 2 * (l2 + beta / (2.0 * lr));
    const struct ftrl_job job = {w, a, z, g, lr, -lr_power, l1, (float)ridge, 2 * shrinkage};
    update(ftrl_chunk, &job, n, lr_power == -0.5f ? 60 : 400, 28);
    return CG_OK;
}

/* ---- Lamb: Adam's update, which is to be scaled before it is made ---- */

struct lamb_job { float *u, *m, *v; const float *g; float part1, part2, epsilon, m_rate, correction; };

static void lamb_chunk(const void *job_, int64_t begin, int64_t end) {
    const struct lamb_job *job = job_;
    const vf part1 = vf_set(job->part1), part2 = vf_set(job->part2), epsilon = vf_set(job->epsilon);
    const vf m_rate = vf_set(job->m_rate), correction = vf_set(job->correction);
    for (int64_t i = begin; i < end; i += VLEN) {
        vf g = GET(g), m = GET(m), v = GET(v);
        m = settled(vf_fma(part1, g - m, m));
        v = settled(vf_fma(part2, vf_fma(g, g, -v), v));
        PUT(m, m);
        PUT(v, v);
        PUT(u, m_rate * m / (vf_sqrt(v * correction) + epsilon));
    }
}

static int CG_FN(lamb_update)(float *u, float *m, float *v, const float *g, int64_t n, float beta1, float beta2, float epsilon,
                              int64_t step) {
    const double m_rate = 1 / (1 - whole_power(beta1, step)), correction = 1 / (1 - whole_power(beta2, step));
    const struct lamb_job job = {
        u, m, v, g, (float)(1 - (double)beta1), (float)(1 - (double)beta2), epsilon, (float)m_rate, (float)correction};
    update(lamb_chunk, &job, n, 32, 24);
    return CG_OK;
}
#undef GET
#undef PUT
