/* parallel.h: how many threads a given amount of work deserves.
 *
 * Rules that keep results the same for any number of threads:
 *   - which numbers are added together, and in which order, follows from the problem's sizes alone (CG_PARTS);
 *   - threads only decide who computes a part, never what the parts are.
 * Use:
 *     int threads = cg_threads(flops, bytes);
 *     CG_PARALLEL_FOR(threads)
 *     for (int64_t i = 0; i < parts; i++) ...
 */
#ifndef CYGRAD_PARALLEL_H
#define CYGRAD_PARALLEL_H
#include <stdint.h>

/* Threads worth waking for so many floating-point operations and bytes moved; 1 for small work, and after a fork. */
int cg_threads(double flops, double bytes);

/* What cg_threads wants to know beside that: the nanoseconds that a question to another core and its answer take, as the run time under
 * OpenMP measures them; and that the kernel which asks next writes a model's weights. */
void cg_note_distance(int ns);
void cg_note_update(void);

#define CG_PRAGMA(x) _Pragma(#x)
#define CG_PARALLEL_FOR(threads) CG_PRAGMA(omp parallel for schedule(static) num_threads(threads) if (threads > 1))

static inline int64_t cg_min64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t cg_max64(int64_t a, int64_t b) { return a > b ? a : b; }
static inline int64_t cg_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
#endif
