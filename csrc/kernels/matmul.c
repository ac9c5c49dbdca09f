/* matmul.c: y[M,N] = activation(op(a) op(b) + bias), and the register tile that conv2d.c runs on too.
 *
 * One order of summation for every shape, path and thread count: an element of y starts at its bias and adds the products for
 * k = 0, 1, 2 ... by fused multiply-adds. Splitting K stores and reloads that running sum, which changes no bit; so packing,
 * tiles, masks and partitions may follow speed alone, and a row's result does not depend on the other rows.
 *
 * The tile: m <= MR rows by nv <= NV vectors of y stay in registers; each step of k loads nv vectors of b and one number of each
 * row of a. a is read in place (a_row apart from row to row, a_k from k to k), so transposed and plain operands and the pixels of
 * an image all go without a copy; what would be read with a bad stride, many times, is packed first:
 *   a into [K][MR] columns, b into [K][NR] rows (NR = NV * VLEN), zeros beyond the edge. */

enum {
    NR = NV * VLEN,
    KC = 512,                /* k steps of a packed block: the longest run for which its panels stay near in cache */
    WIDE = 4, WIDE_ROWS = 2, /* so few rows get tiles of WIDE vectors, where b is read in place: two sums would wait for each other */
};

struct tile {
    float *y;               /* y[i * y_row + j] */
    int64_t y_row;
    const float *a;         /* a[segment[s] + i * a_row + k * a_k], k < K, s < segments */
    int64_t a_row, a_k;
    const int64_t *segment; /* where each run of K consecutive steps starts in a; b just goes on */
    int64_t segments, K;
    const float *b;         /* b[(s * K + k) * b_k + j] */
    int64_t b_k;
    const float *start;     /* bias[j]: the sum starts there; NULL: at 0. Ignored where the sum goes on in y. */
    int goes_on;            /* the sum goes on from what is in y */
    int relu;
    int64_t last;           /* columns in the last vector, 1 .. VLEN */
};

/* With m, nv, masked and dense constant after inlining, all loops over i and j unroll and sum lives in registers.
 * dense: rows of a are neighbours (packed or transposed a), which leaves one address register. */
CG_INLINE void tile_body(const struct tile *t, const int m, const int nv, const int masked, const int dense) {
    vf sum[MR][WIDE];
    const float *restrict b = t->b;
    const int64_t a_row = dense ? 1 : t->a_row, a_k = t->a_k, b_k = t->b_k, K = t->K;
    CG_UNROLL
    for (int i = 0; i < m; i++) {
        CG_UNROLL
        for (int j = 0; j < nv; j++) {
            const float *from = t->goes_on ? t->y + i * t->y_row : t->start;
            if (!from) sum[i][j] = vf_set(0);
            else sum[i][j] = masked && j == nv - 1 ? vf_load_n(from + j * VLEN, t->last) : vf_load(from + j * VLEN);
        }
    }
    for (int64_t s = 0; s < t->segments; s++) {
        const float *restrict a = t->a + t->segment[s];
        for (int64_t k = 0; k < K; k++, a += a_k, b += b_k) {
            vf row[WIDE];
            CG_UNROLL
            for (int j = 0; j < nv; j++)
                row[j] = masked && j == nv - 1 ? vf_load_n(b + j * VLEN, t->last) : vf_load(b + j * VLEN);
            CG_UNROLL
            for (int i = 0; i < m; i++) {
                vf x = vf_set(a[i * a_row]);
                CG_UNROLL
                for (int j = 0; j < nv; j++) sum[i][j] = vf_fma(x, row[j], sum[i][j]);
            }
        }
    }
    CG_UNROLL
    for (int i = 0; i < m; i++) {
        CG_UNROLL
        for (int j = 0; j < nv; j++) {
            vf v = t->relu ? vf_max(vf_set(0), sum[i][j]) : sum[i][j];
            float *to = t->y + i * t->y_row + j * VLEN;
            if (masked && j == nv - 1) vf_store_n(to, v, t->last);
            else vf_store(to, v);
        }
    }
}

/* One function for each m, nv, masked, dense: TILE(m, nv) makes the four of a size. */
#define TILE(m, nv)                                                                                                       \
    static void tile_##m##_##nv##_00(const struct tile *t) { tile_body(t, m, nv, 0, 0); }                                 \
    static void tile_##m##_##nv##_01(const struct tile *t) { tile_body(t, m, nv, 0, 1); }                                 \
    static void tile_##m##_##nv##_10(const struct tile *t) { tile_body(t, m, nv, 1, 0); }                                 \
    static void tile_##m##_##nv##_11(const struct tile *t) { tile_body(t, m, nv, 1, 1); }
#define TILE_NAMES(m, nv) {{tile_##m##_##nv##_00, tile_##m##_##nv##_01}, {tile_##m##_##nv##_10, tile_##m##_##nv##_11}}
#if NV == 3
#define TILES(m) TILE(m, 1) TILE(m, 2) TILE(m, 3)
#define TILES_NAMES(m) {TILE_NAMES(m, 1), TILE_NAMES(m, 2), TILE_NAMES(m, 3)}
#else
#define TILES(m) TILE(m, 1) TILE(m, 2)
#define TILES_NAMES(m) {TILE_NAMES(m, 1), TILE_NAMES(m, 2)}
#endif

TILES(1) TILES(2) TILES(3) TILES(4)
#if MR > 4
TILES(5) TILES(6)
#endif
#if MR > 6
TILES(7) TILES(8)
#endif
#if MR > 8
TILES(9) TILES(10) TILES(11) TILES(12) TILES(13) TILES(14)
#endif
TILE(1, 4) TILE(2, 4)

typedef void (*tile_function)(const struct tile *);
static const tile_function tiles[MR][NV][2][2] = {
    TILES_NAMES(1), TILES_NAMES(2), TILES_NAMES(3), TILES_NAMES(4),
#if MR > 4
    TILES_NAMES(5), TILES_NAMES(6),
#endif
#if MR > 6
    TILES_NAMES(7), TILES_NAMES(8),
#endif
#if MR > 8
    TILES_NAMES(9), TILES_NAMES(10), TILES_NAMES(11), TILES_NAMES(12), TILES_NAMES(13), TILES_NAMES(14),
#endif
};
static const tile_function wide_tiles[WIDE_ROWS][2][2] = {TILE_NAMES(1, 4), TILE_NAMES(2, 4)};

/* Runs the tile of m rows and n columns: n <= NR, or, for m <= WIDE_ROWS, up to WIDE whole vectors or a part of the last. */
static inline void run_tile(struct tile *t, int64_t m, int64_t n) {
    int64_t nv = (n + VLEN - 1) / VLEN;
    t->last = n - (nv - 1) * VLEN;
    int masked = t->last != VLEN, dense = t->a_row == 1;
    if (nv <= NV) tiles[m - 1][nv - 1][masked][dense](t);
    else wide_tiles[m - 1][masked][dense](t);
}

/* Rows in each of the fewest tiles that cover n: as equal as can be, so that none is left nearly empty. */
static inline int64_t even_rows(int64_t n) { return n ? cg_ceil_div(n, cg_ceil_div(n, MR)) : MR; }

/* to[c * to_row + r] = from[r * from_row + c] for r < rows, c < columns: four by four in registers, the rest one by one. */
static void copy_transposed(float *restrict to, int64_t to_row, const float *restrict from, int64_t from_row, int64_t rows, int64_t columns) {
    typedef float v4 __attribute__((vector_size(16), aligned(4), may_alias));
    const int64_t rows4 = rows & ~(int64_t)3, columns4 = columns & ~(int64_t)3;
    for (int64_t c = 0; c < columns4; c += 4) {
        for (int64_t r = 0; r < rows4; r += 4) {
            const float *f = from + r * from_row + c;
            float *t = to + c * to_row + r;
            v4 a = *(const v4 *)f, b = *(const v4 *)(f + from_row), d = *(const v4 *)(f + 2 * from_row), e = *(const v4 *)(f + 3 * from_row);
            v4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), de = __builtin_shufflevector(d, e, 0, 4, 1, 5);
            *(v4 *)t = __builtin_shufflevector(ab, de, 0, 1, 4, 5);
            *(v4 *)(t + to_row) = __builtin_shufflevector(ab, de, 2, 3, 6, 7);
            ab = __builtin_shufflevector(a, b, 2, 6, 3, 7), de = __builtin_shufflevector(d, e, 2, 6, 3, 7);
            *(v4 *)(t + 2 * to_row) = __builtin_shufflevector(ab, de, 0, 1, 4, 5);
            *(v4 *)(t + 3 * to_row) = __builtin_shufflevector(ab, de, 2, 3, 6, 7);
        }
        for (int64_t r = rows4; r < rows; r++)
            for (int64_t i = c; i < c + 4; i++) to[i * to_row + r] = from[r * from_row + i];
    }
    for (int64_t c = columns4; c < columns; c++)
        for (int64_t r = 0; r < rows; r++) to[c * to_row + r] = from[r * from_row + c];
}

/* b's columns j .. j+n-1 (n <= NR) for k < K into [K][NR], zeros beyond n. Element (k, j) is at b[k * b_k + j * b_j]; one of the two is 1. */
static void pack_b(float *restrict to, const float *restrict b, int64_t b_k, int64_t b_j, int64_t K, int64_t n) {
    if (n < NR) memset(to, 0, (size_t)(K * NR) * sizeof *to);
    if (b_j != 1) {
        copy_transposed(to, NR, b, b_j, n, K);
    } else if (n == NR) {
        for (int64_t k = 0; k < K; k++, to += NR, b += b_k)
            for (int j = 0; j < NV; j++) vf_store(to + j * VLEN, vf_load(b + j * VLEN));
    } else {
        for (int64_t k = 0; k < K; k++)
            for (int64_t j = 0; j < n; j++) to[k * NR + j] = b[k * b_k + j];
    }
}

/* a's m <= MR rows for k < K into [K][MR]. Element (i, k) is at a[i * a_row + k * a_k]; one of the two is 1. Rows beyond m are never read. */
static void pack_a(float *restrict to, const float *restrict a, int64_t a_row, int64_t a_k, int64_t K, int64_t m) {
    if (a_row != 1) {
        copy_transposed(to, MR, a, a_row, m, K);
    } else {
        for (int64_t k = 0; k < K; k++)
            for (int64_t i = 0; i < m; i++) to[k * MR + i] = a[k * a_k + i];
    }
}

/* y, a and b as the kernel gets them, with strides instead of transpositions, and what has been packed of them. */
struct product {
    float *y;
    const float *a, *b, *bias;
    int64_t M, N, K, a_row, a_k, b_k, b_j;
    int activation;
    int64_t rows;                   /* of a tile, and of a panel of packed_a */
    float *packed_a, *packed_b;     /* panels for the block of k at hand; NULL: read in place */
    int64_t first_row, first_column; /* where they start */
};

/* The tiles of rows m0 .. m1-1 and columns n0 .. n1-1 for k0 .. k1-1. */
static void product_block(const struct product *p, int64_t m0, int64_t m1, int64_t n0, int64_t n1, int64_t k0, int64_t k1) {
    static const int64_t at_start[1] = {0};
    const int64_t kc = k1 - k0;
    const int wide = !p->packed_b && m1 - m0 <= WIDE_ROWS, finished = k1 == p->K;
    struct tile t = {.y_row = p->N, .segment = at_start, .segments = 1, .K = kc, .goes_on = k0 > 0};
    t.relu = finished && p->activation == CG_RELU;
    for (int64_t j = n0, n; j < n1; j += n) {
        n = wide && n1 - j > (WIDE - 1) * VLEN ? cg_min64(WIDE * VLEN, n1 - j) : cg_min64(NR, n1 - j);
        t.b = p->packed_b ? p->packed_b + (j - p->first_column) * kc : p->b + k0 * p->b_k + j;
        t.b_k = p->packed_b ? NR : p->b_k;
        t.start = p->bias ? p->bias + j : NULL;
        for (int64_t i = m0; i < m1; i += p->rows) {
            const int64_t m = cg_min64(p->rows, m1 - i);
            t.a = p->packed_a ? p->packed_a + (i - p->first_row) * kc : p->a + i * p->a_row + k0 * p->a_k;
            t.a_row = p->packed_a ? 1 : p->a_row;
            t.a_k = p->packed_a ? p->rows : p->a_k;
            t.y = p->y + i * p->N + j;
            run_tile(&t, m, n);
            if (finished && !t.relu) activate_rows(t.y, m, n, p->N, p->activation);
        }
    }
}

static void pack_panel_of_b(const struct product *p, int64_t panel, int64_t n1, int64_t k0, int64_t k1) {
    const int64_t j = p->first_column + panel * NR;
    pack_b(p->packed_b + panel * NR * (k1 - k0), p->b + k0 * p->b_k + j * p->b_j, p->b_k, p->b_j, k1 - k0, cg_min64(NR, n1 - j));
}

/* Small or skinny: a in place, b in place unless transposed. Threads take equal shares of the longer side, so that they share the
 * smaller operand only; a share of rows need not be whole tiles of the others. */
static int product_in_place(struct product *p, int threads) {
    const int64_t panels = cg_ceil_div(p->N, NR), to_pack = p->b_j != 1 ? panels : 0;
    const size_t bytes = (size_t)(to_pack * NR * p->K) * sizeof(float);
    if (to_pack) {
        if (!(p->packed_b = cg_alloc(bytes))) return CG_ENOMEM;
        CG_PARALLEL_FOR(threads)
        for (int64_t j = 0; j < to_pack; j++) pack_panel_of_b(p, j, p->N, 0, p->K);
    }
    if (threads == 1) { /* without entering OpenMP, which costs as much as a small product */
        p->rows = even_rows(p->M);
        product_block(p, 0, p->M, 0, p->N, 0, p->K);
    } else {
        const int by_rows = p->M >= p->N || panels < threads;
        const int64_t items = by_rows ? p->M : panels, shares = cg_min64(items, threads);
        p->rows = even_rows(by_rows ? cg_ceil_div(p->M, shares) : p->M);
        CG_PARALLEL_FOR(threads)
        for (int64_t s = 0; s < shares; s++) {
            const int64_t first = items * s / shares, end = items * (s + 1) / shares;
            if (by_rows) product_block(p, first, end, 0, p->N, 0, p->K);
            else product_block(p, 0, p->M, first * NR, cg_min64(end * NR, p->N), 0, p->K);
        }
    }
    cg_free(p->packed_b, bytes);
    return CG_OK;
}

/* Rows m0 .. m1-1 and columns n0 .. n1-1 of a large product: for some steps of k at a time, b is packed, and a where packed_a is given, then
 * come the tasks. A task is some tiles of rows, few enough that their part of a stays in the second-level cache, by some panels. */
static void product_in_panels(const struct product *p, int64_t m0, int64_t m1, int64_t n0, int64_t n1, int64_t steps, int threads) {
    const int64_t rows = p->rows, row_tiles = cg_ceil_div(m1 - m0, rows), panels = cg_ceil_div(n1 - n0, NR);
    /* Blocks of equally many tiles, as many for each thread; columns are split where blocks alone would be few. */
    const int64_t blocks = cg_min64(row_tiles, cg_ceil_div(cg_ceil_div(row_tiles, 8), threads) * threads);
    const int64_t groups = cg_min64(panels, cg_ceil_div(4 * threads, blocks));
    for (int64_t k0 = 0; k0 < p->K; k0 += steps) {
        const int64_t k1 = cg_min64(k0 + steps, p->K), kc = k1 - k0;
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
        for (int64_t i = 0; i < panels + (p->packed_a ? row_tiles : 0); i++) {
            const int64_t row = m0 + (i - panels) * MR;
            if (i < panels) pack_panel_of_b(p, i, n1, k0, k1);
            else pack_a(p->packed_a + (row - m0) * kc, p->a + row * p->a_row + k0 * p->a_k, p->a_row, p->a_k, kc, cg_min64(MR, m1 - row));
        }
#pragma omp parallel for schedule(dynamic) num_threads(threads) if (threads > 1)
        for (int64_t task = 0; task < blocks * groups; task++) {
            const int64_t i = task / groups, j = task % groups;
            const int64_t i0 = m0 + row_tiles * i / blocks * rows, i1 = cg_min64(m0 + row_tiles * (i + 1) / blocks * rows, m1);
            const int64_t j0 = n0 + panels * j / groups * NR, j1 = cg_min64(n0 + panels * (j + 1) / groups * NR, n1);
            product_block(p, i0, i1, j0, j1, k0, k1);
        }
    }
}

/* Large: b is packed, and a where many panels of b meet it, at most PACKED_TILES tiles of rows and PACKED_COLUMNS columns at a time. */
static int product_packed(struct product *p, int threads) {
    enum { PACKED_TILES = 512, PACKED_COLUMNS = 64 * NR };
    const int pack = p->N > 4 * NR && p->K >= 64; /* few panels, short rows: packing a would cost more than its stride */
    const int64_t steps = cg_min64(pack ? KC : 2 * KC, p->K);
    p->rows = pack ? MR : even_rows(p->M);
    const int64_t packed_rows = PACKED_TILES * p->rows;
    const size_t a_bytes = pack ? (size_t)(cg_min64(packed_rows, cg_ceil_div(p->M, MR) * MR) * steps) * sizeof(float) : 0;
    const size_t b_bytes = (size_t)(cg_min64(PACKED_COLUMNS, cg_ceil_div(p->N, NR) * NR) * steps) * sizeof(float);
    p->packed_a = pack ? cg_alloc(a_bytes) : NULL;
    p->packed_b = cg_alloc(b_bytes);
    const int status = (p->packed_a || !pack) && p->packed_b ? CG_OK : CG_ENOMEM;
    for (int64_t m0 = 0; m0 < p->M && !status; m0 += packed_rows) {
        for (int64_t n0 = 0; n0 < p->N; n0 += PACKED_COLUMNS) {
            p->first_row = m0;
            p->first_column = n0;
            product_in_panels(p, m0, cg_min64(m0 + packed_rows, p->M), n0, cg_min64(n0 + PACKED_COLUMNS, p->N), steps, threads);
        }
    }
    cg_free(p->packed_a, a_bytes);
    cg_free(p->packed_b, b_bytes);
    return status;
}

static int CG_FN(matmul)(float *y, const float *a, const float *b, const float *bias, int64_t M, int64_t N, int64_t K,
                         int transpose_a, int transpose_b, int activation) {
    struct product p = {.y = y, .a = a, .b = b, .bias = bias, .M = M, .N = N, .K = K, .activation = activation,
                        .a_row = transpose_a ? 1 : K, .a_k = transpose_a ? M : 1,
                        .b_k = transpose_b ? 1 : N, .b_j = transpose_b ? K : 1};
    if (M == 0 || N == 0) return CG_OK;
    const int threads = cg_threads(2.0 * M * N * K, 4.0 * (M * K + K * N + M * N));
    /* Packing b pays where many tiles read its panels; up to two panels its rows lie close enough as they are. */
    const int large = M >= 64 && N > 2 * NR;
    return large ? product_packed(&p, threads) : product_in_place(&p, threads);
}
