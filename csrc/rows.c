/* rows.c: kernel calls that work on the same rows, one after the other, as one parallel region.
 *
 * A dense layer of a small network takes a few microseconds. Call by call, threads meet after each of them, and the short ones are not worth
 * two threads at all. Here a thread takes its rows through all of them: 32 rows of a network 784-64-64-10 take 16.7 us instead of 18.2, where
 * half of one thread's time would be 15.9.
 * A call may be part of it if each row that it writes follows from the same row of what it reads, and from arrays that all rows share: then it
 * has the same bits for some rows alone. src/cygrad/_rows.py finds such calls among recorded ones. */
#include "cygrad.h"
#include "parallel.h"

#include <stdatomic.h>
#include <string.h>

enum { LEAST_ROWS = 16 }; /* that make a part: a tile of matmul has 7 to 14 */

static int run_call(const struct cg_row_call *call, int64_t first, int64_t rows) {
    uint64_t words[CG_ROW_WORDS];
    memcpy(words, call->words, (size_t)call->count * sizeof *words);
    for (int64_t i = 0; i < call->count; i++) {
        if (call->each[i] < 0) words[i] = (uint64_t)(-call->each[i] * rows);
        else if (words[i]) words[i] += (uint64_t)(call->each[i] * first); /* a pointer; a missing array stays so */
    }
    return call->run(words);
}

static int run_part(const struct cg_rows *all, int64_t first, int64_t rows) {
    int status = CG_OK;
    for (int64_t i = 0; i < all->count && !status; i++) status = run_call(&all->calls[i], first, rows);
    return status;
}

int cg_run_rows(void *rows) {
    const struct cg_rows *all = rows;
    const int threads = cg_threads(all->flops, all->bytes);
    const int64_t parts = cg_min64(2 * threads, all->rows / LEAST_ROWS); /* two a thread: one that comes late takes less */
    atomic_int failed = CG_OK;
    if (threads < 2 || parts < threads) { /* call by call: each knows best what threads can share */
        int status = CG_OK;
        for (int64_t i = 0; i < all->count && !status; i++) status = all->calls[i].run(all->calls[i].words);
        return status;
    }
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int64_t part = 0; part < parts; part++) {
        const int64_t first = all->rows * part / parts;
        const int status = run_part(all, first, all->rows * (part + 1) / parts - first);
        if (status) atomic_store(&failed, status);
    }
    return atomic_load(&failed);
}
