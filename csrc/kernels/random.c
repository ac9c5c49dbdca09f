/* random.c: counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011). Value i comes from word i % 4 of the block whose 128-bit counter is (i / 4, counter), low words first: it depends on (key,
 * counter, i) alone, not on who draws what before, in which pieces, or with how many threads.
 *
 * uniform   low + (high - low) u, u the word's 24 high bits / 2^24; where that rounds to high, the float below it
 * normal    words 2k and 2k + 1 give values 2k and 2k + 1: r cos a and r sin a, a = 2 pi word / 2^32, r = sqrt(-2 log u), u the
 *           other word's 31 high bits + 1/2, / 2^31, rounded to float
 * truncated the normal of the first attempt 0, 1, ... that lies within two standard deviations; the attempt's number is added
 *           to the counter's word 1 as its eight high bits, which no i / 4 reaches
 * dropout   kept where word >= floor(rate 2^32) */

enum { BATCH = 128, RANDOM_FLOPS = 64 }; /* values drawn together; what one costs, in the flops that cg_threads counts */

/* The words of values first .. first + 127, two in each pair, the lower half first; first is a multiple of 128. The four words of a block
 * stand in four vectors of 64-bit lanes, whose upper halves hold what the products do not look at. */
static void philox(uint64_t pairs[BATCH / 2], int64_t first, uint64_t key, uint64_t counter, uint32_t attempt) {
    enum { BLOCKS = VLEN / 2, ROUNDS = 10 };
    const uint64_t block = (uint64_t)first / 4;
    uint64_t k0[ROUNDS], k1[ROUNDS], low[BATCH / 4], high[BATCH / 4]; /* words 0 and 1, 2 and 3 of each block */
    for (uint32_t r = 0; r < ROUNDS; r++) k0[r] = (uint32_t)key + r * 0x9E3779B9u, k1[r] = (uint32_t)(key >> 32) + r * 0xBB67AE85u;
    const vw m0 = 0xD2511F53u - (vw){0}, m1 = 0xCD9E8D57u - (vw){0}, half = 0xffffffffu - (vw){0};
    vw number;
    for (int i = 0; i < BLOCKS; i++) number[i] = block + (uint64_t)i;
    for (int j = 0; j < BATCH / 4; j += BLOCKS, number += BLOCKS) {
        vw c0 = number, c1 = (block >> 32 | (uint64_t)attempt << 24) - (vw){0};
        vw c2 = counter - (vw){0}, c3 = (counter >> 32) - (vw){0};
        CG_UNROLL
        for (int r = 0; r < ROUNDS; r++) {
            const vw p0 = vw_multiply(c0, m0), p1 = vw_multiply(c2, m1);
            c0 = p1 >> 32 ^ c1 ^ k0[r];
            c2 = p0 >> 32 ^ c3 ^ k1[r];
            c1 = p1;
            c3 = p0;
        }
        const vw w01 = (c0 & half) | c1 << 32, w23 = (c2 & half) | c3 << 32;
        memcpy(low + j, &w01, sizeof w01);
        memcpy(high + j, &w23, sizeof w23);
    }
    for (int j = 0; j < BATCH / 4; j++) pairs[2 * j] = low[j], pairs[2 * j + 1] = high[j];
}

/* Words i .. i + VLEN - 1 */
CG_INLINE vi load_words(const uint64_t *pairs, int64_t i) { return (vi)vf_load((const float *)(pairs + i / 2)); }

static int CG_FN(random_uniform)(float *y, int64_t n, uint64_t key, uint64_t counter, float low, float high) {
    const float step = (high - low) * 0x1p-24f, last = nextafterf(high, low);
    int threads = cg_threads(RANDOM_FLOPS * (double)n, 4.0 * n);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < n; i += BATCH) {
        uint64_t pairs[BATCH / 2];
        philox(pairs, i, key, counter, 0);
        for (int64_t j = 0; j < cg_min64(BATCH, n - i); j += VLEN) {
            vf u = __builtin_convertvector((load_words(pairs, j) >> 8) & 0xffffff, vf);
            vf_store_upto(y + i + j, vf_min(low + step * u, vf_set(last)), n - i - j);
        }
    }
    return CG_OK;
}

/* cos and sin of 2 pi t / 2^32: t = q 2^30 + rest, the rest an angle of at most pi / 4 for Taylor's series (1e-9 from the
 * truth there), q the quarter turns */
CG_INLINE vf cos_sin_turn(vi t, vf *sin) {
    vi q = ((t >> 29) + 1) >> 1, rest = (t & 0x3fffffff) - ((t & 0x20000000) << 1);
    vf a = __builtin_convertvector(rest, vf) * 0x1.921fb6p-30f, z = a * a; /* pi / 2 / 2^30 */
    vf s = vf_fma(z, vf_set(1 / 362880.0f), vf_set(-1 / 5040.0f));
    s = vf_fma(z, vf_fma(z, s, vf_set(1 / 120.0f)), vf_set(-1 / 6.0f));
    s = vf_fma(a * z, s, a);
    vf c = vf_fma(z, vf_set(-1 / 3628800.0f), vf_set(1 / 40320.0f));
    c = vf_fma(z, vf_fma(z, c, vf_set(-1 / 720.0f)), vf_set(1 / 24.0f));
    c = vf_fma(z, vf_fma(z, c, vf_set(-0.5f)), vf_set(1.0f));
    vi odd = -(q & 1);
    vf cosine = vf_select(odd, s, c), sine = vf_select(odd, c, s);
    *sin = vf_select(-((q >> 1) & 1), -sine, sine);
    return vf_select(-(((q + 1) >> 1) & 1), -cosine, cosine);
}

/* Standard normal values first .. first + 127 */
static void normal_batch(float z[BATCH], int64_t first, uint64_t key, uint64_t counter, uint32_t attempt) {
    uint64_t pairs[BATCH / 2];
    uint32_t radius[BATCH / 2], angle[BATCH / 2];
    float even[BATCH / 2], odd[BATCH / 2];
    philox(pairs, first, key, counter, attempt);
    for (int k = 0; k < BATCH / 2; k++) radius[k] = (uint32_t)pairs[k] >> 1, angle[k] = (uint32_t)(pairs[k] >> 32);
    for (int k = 0; k < BATCH / 2; k += VLEN) {
        vf u = (__builtin_convertvector((vi)vf_load((const float *)(radius + k)), vf) + 0.5f) * 0x1p-31f;
        vf r = vf_sqrt(-2.0f * vf_log(u)), sin, cos = cos_sin_turn((vi)vf_load((const float *)(angle + k)), &sin);
        vf_store(even + k, r * cos);
        vf_store(odd + k, r * sin);
    }
    for (int k = 0; k < BATCH / 2; k++) z[2 * k] = even[k], z[2 * k + 1] = odd[k];
}

/* y = mean + stddev z, n of them at most */
CG_INLINE void store_normals(float *y, const float z[BATCH], int64_t n, float mean, float stddev) {
    for (int64_t j = 0; j < cg_min64(BATCH, n); j += VLEN)
        vf_store_upto(y + j, vf_fma(vf_load(z + j), vf_set(stddev), vf_set(mean)), n - j);
}

static int CG_FN(random_normal)(float *y, int64_t n, uint64_t key, uint64_t counter, float mean, float stddev) {
    int threads = cg_threads(2 * RANDOM_FLOPS * (double)n, 4.0 * n);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < n; i += BATCH) {
        float z[BATCH];
        normal_batch(z, i, key, counter, 0);
        store_normals(y + i, z, n - i, mean, stddev);
    }
    return CG_OK;
}

static int CG_FN(random_truncated_normal)(float *y, int64_t n, uint64_t key, uint64_t counter, float mean, float stddev) {
    int threads = cg_threads(6 * RANDOM_FLOPS * (double)n, 4.0 * n);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < n; i += BATCH) {
        float z[BATCH], again[BATCH];
        normal_batch(z, i, key, counter, 0);
        for (uint32_t attempt = 1, outside = 1; outside && attempt < 256; attempt++) { /* outside with probability 0.046 each */
            normal_batch(again, i, key, counter, attempt);
            outside = 0;
            for (int j = 0; j < BATCH; j++) {
                z[j] = fabsf(z[j]) > 2 ? again[j] : z[j];
                outside |= fabsf(z[j]) > 2;
            }
        }
        store_normals(y + i, z, n - i, mean, stddev);
    }
    return CG_OK;
}

static int CG_FN(dropout)(float *y, const float *x, int64_t n, uint64_t key, uint64_t counter, float rate) {
    const vi flip = vi_set(INT32_MIN), least = vi_set((int32_t)(uint32_t)(rate * 0x1p32)) ^ flip; /* for a comparison without sign */
    const vf scale = vf_set(1 / (1 - rate)), zero = vf_set(0);
    int threads = cg_threads(RANDOM_FLOPS * (double)n, 8.0 * n);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < n; i += BATCH) {
        uint64_t pairs[BATCH / 2];
        philox(pairs, i, key, counter, 0);
        for (int64_t j = 0; j < cg_min64(BATCH, n - i); j += VLEN) {
            vi kept = (vi)((load_words(pairs, j) ^ flip) >= least);
            vf_store_upto(y + i + j, vf_select(kept, vf_load_upto(x + i + j, n - i - j) * scale, zero), n - i - j);
        }
    }
    return CG_OK;
}
