/* attention.c: for each head, y = softmax(scale q k^T + bias, but for what is masked) v, and its gradients, without the matrix of scores
 * for all queries at once (Vaswani et al. 2017; that it need not be kept: Rabe and Staats 2021, Dao et al. 2022).
 *
 * A task is a batch element and a head of keys. It packs keys and values once, then takes blocks of queries: their scores against all
 * keys stay in cache, become probabilities row by row, and are multiplied by the values, all on matmul's register tile. Kept for
 * backward are a row's maximum and sum, from which a block's probabilities are computed again, with the same bits; its blocks have
 * some of the keys.
 *
 * Sums over keys and queries go in their order, whatever the blocks. Where there are too few tasks for threads, backward cuts the queries
 * into parts, whose gradients of keys and values are added in order; how many follows from the sizes alone.
 *
 * A masked score is a very low number, as in Keras: a query without any key gets the mean of all values. With a causal mask alone, blocks
 * end at the last key that a query of theirs sees. */

enum {
    ATTENTION_BLOCK = 1 << 14, /* scores of a block of queries: in the second-level cache with what they meet */
    ATTENTION_ROWS = 112,      /* queries in a block, at most */
    GRADIENT_ROWS = 128, GRADIENT_KEYS = 256, /* of a block of backward */
    ATTENTION_TASKS = 16,      /* tasks of backward, at least, where there are queries enough */
    ATTENTION_LEAST = 128      /* queries in a part of backward, at least */
};
#define ATTENTION_LOW (-0x1.6p127f)

struct attention {
    const float *q, *k, *v, *bias;
    const uint8_t *mask;
    int64_t B, T, S, heads, key_heads, D, V;
    cg_dims mask_steps, bias_steps; /* along batch, head, query, key; the last is 0 or 1 */
    float scale;
    int causal;
};

/* Rows of n floats are so far apart in scratch memory: an odd number of cache lines, so that they do not meet in one set of the cache */
static int64_t spaced(int64_t n) { return cg_ceil_div(n, 16) * 16 | 16; }

static int64_t block_rows(const struct attention *p) {
    const int64_t most = p->causal ? cg_max64(MR, cg_min64(ATTENTION_ROWS, p->T / 4)) : ATTENTION_ROWS;
    return even_rows_of(cg_max64(1, p->T), cg_max64(MR, cg_min64(most, ATTENTION_BLOCK / spaced(p->S))));
}

/* Keys that queries t0 .. t1-1 meet */
static int64_t keys_seen(const struct attention *p, int64_t t1) { return p->causal && !p->mask ? cg_min64(p->S, t1) : p->S; }

/* b[K,N], whose rows are b_k apart (or, transposed, columns b_j), in panels of NR columns */
static void pack_panels(float *to, const float *b, int64_t b_k, int64_t b_j, int64_t K, int64_t N) {
    for (int64_t j = 0; j < N; j += NR) pack_b(to + j * K, b + j * b_j, b_k, b_j, K, cg_min64(NR, N - j));
}

static size_t panels_size(int64_t K, int64_t N) { return (size_t)(K * cg_ceil_div(N, NR) * NR); }

/* a[M,K], whose rows are a_row apart, times factor, with rows spaced(K) apart */
static void copy_rows(float *to, const float *a, int64_t a_row, int64_t M, int64_t K, float factor) {
    const vf times = vf_set(factor);
    for (int64_t i = 0; i < M; i++, a += a_row, to += spaced(K))
        for (int64_t k = 0; k < K; k += VLEN) vf_store(to + k, vf_load_upto(a + k, K - k) * times);
}

/* y[M,N] = a b, or more of it where goes_on; a: rows a_row apart and a step a_k; b: columns of panels that have `steps` rows, K of them used */
static void panels_product(float *y, int64_t y_row, const float *a, int64_t a_row, int64_t a_k, const float *b, int64_t steps, int64_t M,
                           int64_t N, int64_t K, int goes_on) {
    static const int64_t at_start[1] = {0};
    const int64_t rows = even_rows(M);
    struct tile t = {.y_row = y_row, .a_row = a_row, .a_k = a_k, .segment = at_start, .segments = 1, .K = K, .b_k = NR, .goes_on = goes_on};
    const int64_t together = M > N ? rows : M; /* rows that meet all panels before the next ones */
    for (int64_t i0 = 0; i0 < M; i0 += together) {
        for (int64_t j = 0; j < N; j += NR) {
            t.b = b + j * steps;
            for (int64_t i = i0; i < cg_min64(M, i0 + together); i += rows) {
                t.a = a + i * a_row;
                t.y = y + i * y_row + j;
                run_tile(&t, cg_min64(rows, M - i), cg_min64(NR, N - j));
            }
        }
    }
}

/* Scores x of query t and keys s0 .. s1-1: plus bias, and low where they are masked */
static void bias_and_mask(const struct attention *p, float *x, int64_t b, int64_t head, int64_t t, int64_t s0, int64_t s1) {
    const int64_t *m = p->mask_steps, *a = p->bias_steps;
    const uint8_t *mask = p->mask ? p->mask + b * m[0] + head * m[1] + t * m[2] : NULL;
    const float *bias = p->bias ? p->bias + b * a[0] + head * a[1] + t * a[2] : NULL;
    for (int64_t s = s0; s < s1; s += VLEN, x += VLEN) {
        const int64_t n = cg_min64(VLEN, s1 - s);
        vf score = vf_load(x); /* a row has whole vectors */
        if (bias) score += a[3] ? vf_load_upto(bias + s, n) : vf_set(*bias);
        if (mask) {
            uint8_t last[VLEN] = {0};
            if (m[3] && n < VLEN) memcpy(last, mask + s, (size_t)n);
            const vi kept = m[3] ? vi_load_bytes(n < VLEN ? last : mask + s) : vi_set(*mask);
            score = vf_select((vi)(kept != 0), score, vf_set(ATTENTION_LOW));
        }
        if (p->causal) score = vf_select((vi)(lane_numbers() <= vi_set((int32_t)cg_max64(-1, cg_min64(VLEN, t - s)))), score, vf_set(ATTENTION_LOW));
        vf_store(x, score);
    }
}

/* x[t1-t0,s1-s0] = the scores of queries t0 .. t1-1, which are in q times scale, and keys s0 .. s1-1 of keys, k transposed, in panels */
static void block_scores(const struct attention *p, float *x, int64_t row, const float *q, const float *keys, int64_t b, int64_t head,
                         int64_t t0, int64_t t1, int64_t s0, int64_t s1) {
    panels_product(x, row, q, spaced(p->D), 1, keys + s0 * p->D, p->D, t1 - t0, s1 - s0, p->D, 0);
    if (p->mask || p->bias || (p->causal && s1 > t0 + 1))
        for (int64_t t = t0; t < t1; t++) bias_and_mask(p, x + (t - t0) * row, b, head, t, s0, s1);
}

/* y, max and sum of queries first .. last-1 of all heads that share the keys of key_head */
static int attention_task(const struct attention *p, float *y, float *max, float *sum, int64_t b, int64_t key_head, int64_t first, int64_t last) {
    const int64_t rows = block_rows(p), row = spaced(p->S), group = p->heads / p->key_heads, k_row = p->key_heads * p->D, v_row = p->key_heads * p->V;
    const size_t keys_size = panels_size(p->D, p->S), values_size = panels_size(p->S, p->V), x_size = (size_t)(rows * row);
    const size_t copy_size = (size_t)(rows * spaced(p->D)), bytes = (keys_size + values_size + x_size + copy_size) * sizeof(float);
    float *keys = cg_alloc(bytes), *values = keys + keys_size, *x = values + values_size, *copy = x + x_size;
    if (!keys) return CG_ENOMEM;
    pack_panels(keys, p->k + b * p->S * k_row + key_head * p->D, 1, k_row, p->D, p->S);
    pack_panels(values, p->v + b * p->S * v_row + key_head * p->V, v_row, 1, p->S, p->V);
    for (int64_t head = key_head * group; head < (key_head + 1) * group; head++) {
        for (int64_t t0 = first; t0 < last; t0 += rows) {
            const int64_t t1 = cg_min64(last, t0 + rows), S = keys_seen(p, t1);
            float *to = y + ((b * p->T + t0) * p->heads + head) * p->V, *largest = max + (b * p->heads + head) * p->T;
            float *total = sum + (b * p->heads + head) * p->T;
            copy_rows(copy, p->q + ((b * p->T + t0) * p->heads + head) * p->D, p->heads * p->D, t1 - t0, p->D, p->scale);
            block_scores(p, x, row, copy, keys, b, head, t0, t1, 0, S);
            for (int64_t t = t0; t < t1; t++) {
                float *scores = x + (t - t0) * row;
                largest[t] = row_largest(scores, S);
                total[t] = row_exp(scores, scores, S, largest[t]);
            }
            panels_product(to, p->heads * p->V, x, row, 1, values, p->S, t1 - t0, p->V, S, 0);
            for (int64_t t = t0; t < t1; t++, to += p->heads * p->V) {
                const vf factor = vf_set(1 / total[t]);
                for (int64_t j = 0; j < p->V; j += VLEN) vf_store_upto(to + j, vf_load_upto(to + j, p->V - j) * factor, p->V - j);
            }
        }
    }
    cg_free(keys, bytes);
    return CG_OK;
}

static double attention_flops(const struct attention *p) {
    return 2.0 * (double)(p->B * p->heads) * (double)p->T * (double)p->S * (double)(p->D + p->V + SOFTMAX_FLOPS / 2);
}

static int CG_FN(attention_forward)(float *y, float *max, float *sum, const float *q, const float *k, const float *v, const uint8_t *mask,
                                    const float *bias, int64_t B, int64_t T, int64_t S, int64_t heads, int64_t key_heads, int64_t D,
                                    int64_t V, cg_dims mask_strides, cg_dims bias_strides, float scale, int causal) {
    const struct attention p = {q, k, v, bias, mask, B, T, S, heads, key_heads, D, V, mask_strides, bias_strides, scale, causal};
    const int threads = cg_threads(attention_flops(&p), 0);
    const int64_t tasks = B * key_heads;
    if (tasks == 0 || T == 0) return CG_OK;
    const int64_t wanted = threads > 1 ? cg_ceil_div(4 * threads, tasks) : 1; /* tasks for each thread, or parts of them */
    const int64_t parts = cg_max64(1, cg_min64(wanted, T / cg_max64(MR, cg_min64(S, ATTENTION_ROWS))));
    int status = CG_OK;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < tasks * parts; i++) {
        const int64_t task = i / parts, part = i % parts;
        const int failed = attention_task(&p, y, max, sum, task / key_heads, task % key_heads, T * part / parts, T * (part + 1) / parts);
        if (failed) __atomic_store_n(&status, failed, __ATOMIC_RELAXED);
    }
    return status;
}

/* ---- backward: with p the probabilities and dp = dy v^T, ds = scale p (dp - sum_s p dp), where that sum is sum_v dy y ---- */

struct gradients { float *dq, *dk, *dv; const float *dy, *y, *max, *sum; };

/* p in x, which holds S scores, and ds in dp, which holds dy v^T, of a query; row: of max and sum; dot: sum_v dy y */
static void softmax_gradient(const struct attention *p, const struct gradients *g, float *x, float *dp, int64_t S, int64_t row, float dot) {
    const float max = g->max[row];
    const vf share = vf_set(1 / g->sum[row]), scale = vf_set(max > ATTENTION_LOW ? p->scale : 0); /* all masked: nothing depends on scores */
    for (int64_t s = 0; s < S; s += VLEN) {
        const vf probability = vf_exp_upto88(vf_load(x + s) - max) * share;
        vf_store(x + s, probability);
        vf_store(dp + s, scale * (probability * (vf_load(dp + s) - dot)));
    }
}

/* dq of queries first .. last-1, and their share of dk and dv, whose rows are dk_row and dv_row apart. As sums and maxima are known, a block
 * of scores need not have all keys: so many queries and keys that what is packed of them serves often, and all stays in cache. */
static int attention_gradient(const struct attention *p, const struct gradients *g, float *dk, float *dv, int64_t dk_row, int64_t dv_row,
                              int64_t b, int64_t key_head, int64_t first, int64_t last) {
    const int64_t D = p->D, V = p->V, group = p->heads / p->key_heads, k_row = p->key_heads * D, v_row = p->key_heads * V;
    const int64_t q_row = p->heads * D, y_row = p->heads * V, q_copy = spaced(D), dy_copy = spaced(V);
    const int64_t rows = even_rows_of(cg_max64(1, last - first), p->causal ? GRADIENT_ROWS / 2 : GRADIENT_ROWS);
    const int64_t width = cg_ceil_div(even_rows_of(p->S, GRADIENT_KEYS), NR) * NR, row = spaced(width);
    const float *k = p->k + b * p->S * k_row + key_head * D, *v = p->v + b * p->S * v_row + key_head * V;
    const size_t sizes[] = {panels_size(D, p->S), panels_size(V, p->S), panels_size(p->S, D), panels_size(rows, D), panels_size(rows, V),
                            (size_t)(rows * q_copy), (size_t)(rows * dy_copy), (size_t)(rows * row), (size_t)(rows * row),
                            (size_t)rows};
    enum { PIECES = sizeof sizes / sizeof *sizes };
    float *scratch[PIECES];
    size_t bytes = 0;
    for (int i = 0; i < PIECES; i++) bytes += sizes[i] * sizeof(float);
    if (!(scratch[0] = cg_alloc(bytes))) return CG_ENOMEM;
    for (int i = 1; i < PIECES; i++) scratch[i] = scratch[i - 1] + sizes[i - 1];
    float *keys_t = scratch[0], *values_t = scratch[1], *keys = scratch[2], *queries = scratch[3], *dys = scratch[4], *scaled = scratch[5];
    float *dy_rows = scratch[6], *x = scratch[7], *dp = scratch[8], *dot = scratch[9];
    pack_panels(keys_t, k, 1, k_row, D, p->S);
    pack_panels(values_t, v, 1, v_row, V, p->S);
    pack_panels(keys, k, k_row, 1, p->S, D);
    const int all = first < last && keys_seen(p, first) == p->S; /* does the first block meet all keys? */
    for (int64_t s = 0; s < (all ? 0 : p->S); s++) {
        memset(dk + s * dk_row, 0, (size_t)D * sizeof(float));
        memset(dv + s * dv_row, 0, (size_t)V * sizeof(float));
    }
    for (int64_t head = key_head * group; head < (key_head + 1) * group; head++) {
        for (int64_t t0 = first; t0 < last; t0 += rows) {
            const int64_t t1 = cg_min64(last, t0 + rows), S = keys_seen(p, t1), n = t1 - t0;
            const float *q = p->q + ((b * p->T + t0) * p->heads + head) * D, *dy = g->dy + ((b * p->T + t0) * p->heads + head) * V;
            const float *y = g->y + ((b * p->T + t0) * p->heads + head) * V;
            float *dq = g->dq + ((b * p->T + t0) * p->heads + head) * D;
            copy_rows(scaled, q, q_row, n, D, p->scale);
            copy_rows(dy_rows, dy, y_row, n, V, 1);
            pack_panels(queries, q, q_row, 1, n, D);
            pack_panels(dys, dy, y_row, 1, n, V);
            const int goes_on = !all || t0 > first || head > key_head * group;
            for (int64_t i = 0; i < n; i++) dot[i] = row_dot(dy + i * y_row, y + i * y_row, V);
            for (int64_t s0 = 0; s0 < S; s0 += width) {
                const int64_t s1 = cg_min64(S, s0 + width), m = s1 - s0;
                block_scores(p, x, row, scaled, keys_t, b, head, t0, t1, s0, s1);
                panels_product(dp, row, dy_rows, dy_copy, 1, values_t + s0 * V, V, n, m, V, 0);
                for (int64_t i = 0; i < n; i++)
                    softmax_gradient(p, g, x + i * row, dp + i * row, m, (b * p->heads + head) * p->T + t0 + i, dot[i]);
                panels_product(dv + s0 * dv_row, dv_row, x, 1, row, dys, n, m, V, n, goes_on);
                panels_product(dk + s0 * dk_row, dk_row, dp, 1, row, queries, n, m, D, n, goes_on);
                panels_product(dq, q_row, dp, row, 1, keys + s0 * NR, p->S, n, D, m, s0 > 0);
            }
        }
    }
    cg_free(scratch[0], bytes);
    return CG_OK;
}

/* to[S,n], rows to_row apart, = the sum of parts of [S,n] that lie `apart` */
static void add_parts(float *to, int64_t to_row, const float *from, int64_t apart, int64_t parts, int64_t S, int64_t n) {
    for (int64_t s = 0; s < S; s++, to += to_row, from += n)
        for (int64_t j = 0; j < n; j += VLEN) {
            vf total = vf_load_upto(from + j, n - j);
            for (int64_t part = 1; part < parts; part++) total += vf_load_upto(from + part * apart + j, n - j);
            vf_store_upto(to + j, total, n - j);
        }
}

static int CG_FN(attention_backward)(float *dq, float *dk, float *dv, const float *dy, const float *q, const float *k, const float *v,
                                     const float *y, const float *max, const float *sum, const uint8_t *mask, const float *bias, int64_t B,
                                     int64_t T, int64_t S, int64_t heads, int64_t key_heads, int64_t D, int64_t V, cg_dims mask_strides,
                                     cg_dims bias_strides, float scale, int causal) {
    const struct attention p = {q, k, v, bias, mask, B, T, S, heads, key_heads, D, V, mask_strides, bias_strides, scale, causal};
    const struct gradients g = {dq, dk, dv, dy, y, max, sum};
    const int threads = cg_threads(2.5 * attention_flops(&p), 0);
    const int64_t tasks = B * key_heads;
    if (tasks == 0) return CG_OK;
    const int64_t parts = cg_max64(1, cg_min64(ATTENTION_TASKS / tasks, T / ATTENTION_LEAST)), apart = S * (D + V);
    const size_t bytes = parts > 1 ? (size_t)(tasks * parts * apart) * sizeof(float) : 0;
    float *partial = parts > 1 ? cg_alloc(bytes) : NULL;
    if (parts > 1 && !partial) return CG_ENOMEM;
    int status = CG_OK;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < tasks * parts; i++) {
        const int64_t task = i % tasks, part = parts - 1 - i / tasks, b = task / key_heads, head = task % key_heads; /* last queries see most keys */
        float *to_k = partial ? partial + (task * parts + part) * apart : dk + (b * S * key_heads + head) * D;
        float *to_v = partial ? to_k + S * D : dv + (b * S * key_heads + head) * V;
        const int failed = attention_gradient(&p, &g, to_k, to_v, partial ? D : key_heads * D, partial ? V : key_heads * V, b, head,
                                              T * part / parts, T * (part + 1) / parts);
        if (failed) __atomic_store_n(&status, failed, __ATOMIC_RELAXED);
    }
    if (!partial) return status;
    CG_PARALLEL_FOR(threads)
    for (int64_t task = 0; task < tasks; task++) {
        const float *from = partial + task * parts * apart;
        const int64_t b = task / key_heads, head = task % key_heads;
        add_parts(dk + (b * S * key_heads + head) * D, key_heads * D, from, apart, parts, S, D);
        add_parts(dv + (b * S * key_heads + head) * V, key_heads * V, from + S * D, apart, parts, S, V);
    }
    cg_free(partial, bytes);
    return status;
}
