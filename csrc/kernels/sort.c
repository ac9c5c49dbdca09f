/* sort.c: the order of each row's values. A value becomes an integer that is ordered as it is, and goes with its place into one 64-bit
 * key: no two keys are equal, so any sorting keeps the order of equal values. Merge sort, bottom up, from runs of eight sorted by insertion. */

enum { SORTED_RUN = 8 };

static void sort_keys(uint64_t *keys, uint64_t *spare, int64_t n) {
    for (int64_t first = 0; first < n; first += SORTED_RUN)
        for (int64_t i = first + 1; i < cg_min64(n, first + SORTED_RUN); i++) {
            const uint64_t key = keys[i];
            int64_t j = i;
            for (; j > first && keys[j - 1] > key; j--) keys[j] = keys[j - 1];
            keys[j] = key;
        }
    uint64_t *from = keys, *to = spare;
    for (int64_t width = SORTED_RUN; width < n; width *= 2) {
        for (int64_t first = 0; first < n; first += 2 * width) {
            int64_t a = first, middle = cg_min64(n, first + width), b = middle, end = cg_min64(n, first + 2 * width);
            for (int64_t k = first; k < end; k++) to[k] = b == end || (a < middle && from[a] < from[b]) ? from[a++] : from[b++];
        }
        uint64_t *other = from;
        from = to;
        to = other;
    }
    if (from != keys) memcpy(keys, from, (size_t)n * sizeof *keys);
}

/* Unsigned integers in the order of the floats: +0 and -0 are one; NaN comes last, whichever way. */
CG_INLINE uint32_t float_order(float x, int descending) {
    uint32_t bits;
    x += 0.0f;
    memcpy(&bits, &x, sizeof bits);
    bits ^= bits >> 31 ? 0xffffffffu : 0x80000000u;
    return x != x ? 0xffffffffu : descending ? ~bits : bits;
}
CG_INLINE uint32_t int32_order(int32_t x, int descending) {
    const uint32_t bits = (uint32_t)x ^ 0x80000000u;
    return descending ? ~bits : bits;
}

#define ARGSORT(name, type, order)                                                                               \
    static int CG_FN(name)(int32_t *index, const type *x, int64_t M, int64_t K, int descending) {               \
        const double work = (double)M * (double)K;                                                               \
        const int threads = cg_threads(100 * work, 8 * work);                                                    \
        const size_t bytes = (size_t)(2 * K * threads) * sizeof(uint64_t);                                       \
        uint64_t *scratch = cg_alloc(bytes);                                                                     \
        if (!scratch) return CG_ENOMEM;                                                                          \
        CG_PARALLEL_FOR(threads)                                                                                 \
        for (int64_t part = 0; part < threads; part++) {                                                         \
            uint64_t *keys = scratch + 2 * K * part;                                                             \
            for (int64_t m = M * part / threads; m < M * (part + 1) / threads; m++) {                            \
                for (int64_t k = 0; k < K; k++)                                                                  \
                    keys[k] = (uint64_t)order(x[m * K + k], descending) << 32 | (uint64_t)k;                     \
                sort_keys(keys, keys + K, K);                                                                    \
                for (int64_t k = 0; k < K; k++) index[m * K + k] = (int32_t)(uint32_t)keys[k];                   \
            }                                                                                                    \
        }                                                                                                        \
        cg_free(scratch, bytes);                                                                                 \
        return CG_OK;                                                                                            \
    }
ARGSORT(argsort, float, float_order)
ARGSORT(argsort_int32, int32_t, int32_order)
