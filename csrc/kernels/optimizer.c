/* optimizer.c: one optimizer step over the flat arena: weights and slots are read and written once, in vectors, on all threads. */
#include "../map.h"

/* A job's arrays past begin are one vector at a time, the last one partial: GET and PUT move n of its values. */
#define GET(p) vf_load_upto(job->p + i, end - i)
#define PUT(p, value) vf_store_upto(job->p + i, value, end - i)

/* A slot's value, 0 where it is next to nothing. Averages of gradients that have died out halve for ever, and end as denormal numbers, which
 * make a step of Adam 2.5 times as slow here and worse elsewhere; 1e-36 is far below what any weight notices. */
CG_INLINE vf settled(vf x) { return vf_select((vi)(vf_abs(x) < vf_set(1e-36f)), vf_set(0), x); }

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
    for_chunks(chunk, &job, n, CHUNK, 5.0 * (double)n, (velocity ? 20.0 : 12.0) * (double)n);
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
    for_chunks(vhat ? adam_amsgrad_chunk : adam_plain_chunk, &job, n, CHUNK, 30.0 * (double)n, (vhat ? 36.0 : 28.0) * (double)n);
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
    const double bytes = 20 + (a ? 8 : 0) + (b ? 8 : 0);
    for_chunks(rmsprop_chunk, &job, n, CHUNK, 30.0 * (double)n, bytes * (double)n);
    return CG_OK;
}
#undef GET
#undef PUT
