/* map.h: work cut into chunks for threads, and the loop that all elementwise kernels share. */
#ifndef CYGRAD_MAP_H
#define CYGRAD_MAP_H
#include "cygrad.h"
#include "parallel.h"
#include "vec.h"

enum { CHUNK = 4096 }; /* elements: 16 KiB, so that few values suffice for two threads and a chunk's call costs nothing */

/* f(job, begin, end) over 0 .. n in pieces of chunk, on the threads that so much work deserves; a single thread gets it all at once,
 * without entering OpenMP. */
typedef void chunk_function(const void *job, int64_t begin, int64_t end);
static void for_chunks(chunk_function *f, const void *job, int64_t n, int64_t chunk, double flops, double bytes) {
    const int threads = cg_threads(flops, bytes);
    if (threads <= 1) {
        f(job, 0, n);
        return;
    }
    const int64_t chunks = cg_ceil_div(n, chunk);
    CG_PARALLEL_FOR(threads)
    for (int64_t c = 0; c < chunks; c++) f(job, c * chunk, cg_min64(n, (c + 1) * chunk));
}

/* An output of this size is in no cache any more when somebody reads it, and writing it past the caches spares reading it first: 1.3 times
 * as fast for one input. Up to half of it, a normal store is faster where the last-level cache has 32 MiB. */
enum { STREAM_BYTES = 64 << 20 };
CG_INLINE int streams(const float *y, int64_t n) { return n * 4 >= STREAM_BYTES && (uintptr_t)y % sizeof(vf) == 0; }
CG_INLINE void put(float *y, vf v, int stream) {
    if (stream) vf_stream(y, v);
    else vf_store(y, v);
}

/* y = a function of a, or of a and b, and of two scalars; y may be a or b. A span is that function over n values on one thread;
 * stream: y is written past the caches. */
typedef void map_span(float *y, const float *a, const float *b, int64_t n, float p, float q, int stream);

/* Defines the span name for a formula in vf a, b, p, q; inputs: 1 (b is not read) or 2. The end of the array goes through a partial
 * vector, so that an element's bits do not depend on its place. */
#define SPAN(name, inputs, formula)                                                                               \
    CG_INLINE vf name##_at(vf a, vf b, vf p, vf q) {                                                              \
        (void)b, (void)p, (void)q;                                                                                \
        return formula;                                                                                           \
    }                                                                                                             \
    CG_INTERLEAVE                                                                                                 \
    static void name(float *y, const float *a, const float *b, int64_t n, float p_, float q_, int stream) {       \
        const vf p = vf_set(p_), q = vf_set(q_);                                                                  \
        int64_t i = 0;                                                                                            \
        if (inputs == 1) b = a;                                                                                   \
        for (; i + 4 * VLEN <= n; i += 4 * VLEN) {                                                                \
            vf y0 = name##_at(vf_load(a + i), vf_load(b + i), p, q);                                              \
            vf y1 = name##_at(vf_load(a + i + VLEN), vf_load(b + i + VLEN), p, q);                                \
            vf y2 = name##_at(vf_load(a + i + 2 * VLEN), vf_load(b + i + 2 * VLEN), p, q);                        \
            vf y3 = name##_at(vf_load(a + i + 3 * VLEN), vf_load(b + i + 3 * VLEN), p, q);                        \
            put(y + i, y0, stream);                                                                               \
            put(y + i + VLEN, y1, stream);                                                                        \
            put(y + i + 2 * VLEN, y2, stream);                                                                    \
            put(y + i + 3 * VLEN, y3, stream);                                                                    \
        }                                                                                                         \
        for (; i < n; i += VLEN)                                                                                  \
            vf_store_upto(y + i, name##_at(vf_load_upto(a + i, n - i), vf_load_upto(b + i, n - i), p, q), n - i); \
        if (stream) vf_stream_end();                                                                              \
    }

struct map { map_span *f; float *y; const float *a, *b; float p, q; int stream; };

static void map_chunk(const void *job, int64_t begin, int64_t end) {
    const struct map *m = job;
    m->f(m->y + begin, m->a + begin, m->b + begin, end - begin, m->p, m->q, m->stream);
}

/* A span over n values on all threads; flops: of one value. */
static int map(map_span *f, float *y, const float *a, const float *b, int64_t n, float p, float q, int flops) {
    const struct map job = {f, y, a, b, p, q, y != a && y != b && streams(y, n)};
    const int64_t chunk = job.stream ? 16 * CHUNK : CHUNK; /* at a chunk's end, stores past the caches are waited for */
    for_chunks(map_chunk, &job, n, chunk, (double)n * flops, (double)n * (a == b ? 8 : 12));
    return CG_OK;
}

/* A kernel of one formula: name(y, x, n), with x in the formula's a; and name(dx, dy, saved, n), with dy in a, saved in b. */
#define FORWARD(name, flops, formula)                                         \
    SPAN(name##_span, 1, formula)                                             \
    static int CG_FN(name)(float *y, const float *x, int64_t n) {             \
        return map(name##_span, y, x, x, n, 0, 0, flops);                     \
    }
#define BACKWARD(name, flops, formula)                                                     \
    SPAN(name##_span, 2, formula)                                                          \
    static int CG_FN(name)(float *dx, const float *dy, const float *saved, int64_t n) {    \
        return map(name##_span, dx, dy, saved, n, 0, 0, flops);                            \
    }
#endif
