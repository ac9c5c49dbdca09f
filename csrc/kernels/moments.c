/* moments.c: what batch and layer normalization share: moments that are joined, rows that are taken together, stores of their results.
 *
 * Mean and variance come from few neighbouring values at a time, their own mean and squared deviations first, which are then joined to
 * those before (Chan, Golub and LeVeque 1979): as exact as two passes over x, at the price of one. */

/* Joins the moments of n more rows to those of *count rows. */
static void join_moments(float *mean, float *squares, int64_t *count, const float *more_mean, const float *more_squares, int64_t n, int64_t C) {
    if (n == 0) return;
    const double share = (double)n / (double)(*count + n);
    const float by = (float)share, weight = (float)(*count * share);
    for (int64_t c = 0; c < C; c++) {
        const float apart = more_mean[c] - mean[c];
        mean[c] += apart * by;
        squares[c] += more_squares[c] + apart * weight * apart;
    }
    *count += n;
}

/* Of left rows of a length those to be taken next, 4, 2 or 1, for each of which there is a loop: they share what is loaded for a column.
 * Four long ones would begin 4 KB apart, or nearly so, and the first-level cache has eight places for all that lies at such a distance. */
enum { ROW_GROUP = 4, GROUP_LENGTH = 512 };
CG_INLINE int rows_at_once(int64_t left, int64_t length) { return left >= ROW_GROUP && length < GROUP_LENGTH ? ROW_GROUP : left >= 2 ? 2 : 1; }

/* A result of up to VLEN lanes; stream: past the caches, where it is whole. Rows of whole vectors in aligned memory allow that. */
CG_INLINE void put_upto(float *y, vf v, int64_t n, int stream) {
    if (stream && n >= VLEN) vf_stream(y, v);
    else vf_store_upto(y, v, n);
}
/* Sooner than map.h does: x is read twice, and results of half the last-level cache would drive it out between (17 MB: 1.1 to 1.5 times as
 * fast; 8 MB: only where nobody reads the results next). */
enum { STREAM_ROWS_BYTES = 16 << 20 };
static int rows_stream(const float *y, int64_t rows, int64_t length) {
    return length % VLEN == 0 && rows * length * 4 >= STREAM_ROWS_BYTES && (uintptr_t)y % sizeof(vf) == 0;
}
