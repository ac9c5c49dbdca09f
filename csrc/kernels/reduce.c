/* reduce.c: sums and maxima along one axis, and the sixteen lanes on which softmax.c and loss.c reduce their rows too.
 *
 * Which numbers are added together, and in which order, follows from O, R and I alone: never from the thread count, and not
 * from the width of a register either, so that AVX2, AVX-512 and NEON give the same bits. */

/* ---- sixteen lanes: lane k of a row takes the values k, k + 16, k + 32, ... on every instruction set ----
 * CG_UNROLL keeps them in registers at every level of optimisation: baseline.c is compiled for size. */

enum { LANES = 16, LANE_VECTORS = LANES / VLEN };
typedef struct { vf v[LANE_VECTORS]; } lanes;

CG_INLINE vi lane_numbers(void) {
    vi numbers;
    for (int i = 0; i < VLEN; i++) numbers[i] = i;
    return numbers;
}

CG_INLINE lanes lanes_set(float s) {
    lanes a;
    CG_UNROLL
    for (int j = 0; j < LANE_VECTORS; j++) a.v[j] = vf_set(s);
    return a;
}

/* p[0 .. n), the other lanes filled; n >= 16 loads all lanes */
CG_INLINE lanes lanes_load_upto(const float *p, int64_t n, float fill) {
    lanes a;
    CG_UNROLL
    for (int j = 0; j < LANE_VECTORS; j++) {
        if (n >= LANES) {
            a.v[j] = vf_load(p + j * VLEN);
        } else {
            int64_t left = cg_min64(cg_max64(n - j * VLEN, 0), VLEN);
            a.v[j] = vf_select((vi)(lane_numbers() < vi_set((int32_t)left)), vf_load_n(p + j * VLEN, left), vf_set(fill));
        }
    }
    return a;
}

CG_INLINE void lanes_store_upto(float *p, lanes a, int64_t n) {
    CG_UNROLL
    for (int j = 0; j < LANE_VECTORS; j++) {
        if (n >= LANES) vf_store(p + j * VLEN, a.v[j]);
        else vf_store_n(p + j * VLEN, a.v[j], cg_min64(cg_max64(n - j * VLEN, 0), VLEN));
    }
}

CG_INLINE lanes lanes_add(lanes a, lanes b) {
    CG_UNROLL
    for (int j = 0; j < LANE_VECTORS; j++) a.v[j] += b.v[j];
    return a;
}

/* b where either is NaN */
CG_INLINE lanes lanes_max(lanes a, lanes b) {
    CG_UNROLL
    for (int j = 0; j < LANE_VECTORS; j++) a.v[j] = vf_max(a.v[j], b.v[j]);
    return a;
}

CG_INLINE lanes lanes_fma(lanes a, lanes b, lanes c) {
    CG_UNROLL
    for (int j = 0; j < LANE_VECTORS; j++) a.v[j] = vf_fma(a.v[j], b.v[j], c.v[j]);
    return a;
}

typedef float quad __attribute__((vector_size(16), may_alias));

/* The sum of all lanes: k + 8 onto k, then k + 4, k + 2, k + 1 */
CG_INLINE float lanes_sum(lanes a) {
    quad q[VLEN / 4];
    for (int w = LANE_VECTORS / 2; w; w /= 2)
        for (int j = 0; j < w; j++) a.v[j] += a.v[j + w];
    memcpy(q, &a.v[0], sizeof q);
    for (int w = VLEN / 8; w; w /= 2)
        for (int j = 0; j < w; j++) q[j] += q[j + w];
    return (q[0][0] + q[0][2]) + (q[0][1] + q[0][3]);
}

CG_INLINE float larger(float a, float b) { return a > b ? a : b; }

/* The largest of all lanes, of which none is NaN; in the order of lanes_sum, which decides between +0 and -0 */
CG_INLINE float lanes_largest(lanes a) {
    typedef int32_t quad_mask __attribute__((vector_size(16), may_alias));
    quad q[VLEN / 4];
    for (int w = LANE_VECTORS / 2; w; w /= 2)
        for (int j = 0; j < w; j++) a.v[j] = vf_max(a.v[j], a.v[j + w]);
    memcpy(q, &a.v[0], sizeof q);
    for (int w = VLEN / 8; w; w /= 2)
        for (int j = 0; j < w; j++) {
            const quad_mask take = (quad_mask)(q[j] > q[j + w]);
            q[j] = (quad)((take & (quad_mask)q[j]) | (~take & (quad_mask)q[j + w]));
        }
    return larger(larger(q[0][0], q[0][2]), larger(q[0][1], q[0][3]));
}

/* A row is summed in runs of this many lanes' worth, and the runs onto a total: the rounding error grows with
 * run + n / (16 run) additions instead of n / 16. */
enum { LANE_RUN = 64 };

/* sum x[n], four sets of lanes at a time: additions take longer than they take turns */
static float row_sum(const float *x, int64_t n) {
    lanes total = lanes_set(0);
    while (n >= 4 * LANES) {
        lanes s0 = lanes_set(0), s1 = s0, s2 = s0, s3 = s0;
        int64_t run = cg_min64(n / (4 * LANES), LANE_RUN);
        for (int64_t i = 0; i < run; i++, x += 4 * LANES) {
            s0 = lanes_add(s0, lanes_load_upto(x, LANES, 0));
            s1 = lanes_add(s1, lanes_load_upto(x + LANES, LANES, 0));
            s2 = lanes_add(s2, lanes_load_upto(x + 2 * LANES, LANES, 0));
            s3 = lanes_add(s3, lanes_load_upto(x + 3 * LANES, LANES, 0));
        }
        total = lanes_add(total, lanes_add(lanes_add(s0, s1), lanes_add(s2, s3)));
        n -= run * 4 * LANES;
    }
    for (; n > 0; n -= LANES, x += LANES) total = lanes_add(total, lanes_load_upto(x, n, 0));
    return lanes_sum(total);
}

/* ---- sum ---- */

enum {
    SHORT_ROW = LANES, /* values of a row, at most, for which rows are computed side by side */
    SUM_ROWS = 256,    /* rows of a part (of SUM_WIDTH columns and more): its additions are SUM_ROWS / 8 + 3 deep */
    SUM_COLUMNS = 256, /* columns of a block: its sums stay in the first-level cache */
    SUM_WIDTH = 64,    /* fewer columns than this are widened by laying rows side by side */
    SUM_ROW = 16384    /* values of a part where I = 1 */
};

/* The sum of eight rows' first n <= VLEN columns, in pairs: a chain of three additions, and less rounding than eight in a row */
CG_INLINE vf eight_rows_sum(const float *x, int64_t stride, int64_t n) {
    vf pair[4];
    for (int j = 0; j < 4; j++)
        pair[j] = vf_load_upto(x + 2 * j * stride, n) + vf_load_upto(x + (2 * j + 1) * stride, n);
    return (pair[0] + pair[1]) + (pair[2] + pair[3]);
}

/* y[W] = sum of R rows of x that begin stride apart */
static void column_sums(float *y, const float *x, int64_t R, int64_t W, int64_t stride) {
    memset(y, 0, (size_t)W * sizeof *y);
    int64_t r = 0, i;
    for (; r + 8 <= R; r += 8, x += 8 * stride) {
        for (i = 0; i + VLEN <= W; i += VLEN) vf_store(y + i, vf_load(y + i) + eight_rows_sum(x + i, stride, VLEN));
        if (i < W) vf_store_n(y + i, vf_load_n(y + i, W - i) + eight_rows_sum(x + i, stride, W - i), W - i);
    }
    for (; r < R; r++, x += stride) {
        for (i = 0; i + VLEN <= W; i += VLEN) vf_store(y + i, vf_load(y + i) + vf_load(x + i));
        if (i < W) vf_store_n(y + i, vf_load_n(y + i, W - i) + vf_load_n(x + i, W - i), W - i);
    }
}

/* Rows to lay side by side so that they fill whole sixteen-lane groups and SUM_WIDTH at least; 1 where I is wide enough */
static int64_t sum_fold(int64_t I) {
    int64_t fold = LANES;
    if (I <= 1 || I >= SUM_WIDTH) return 1;
    while (fold > 1 && fold * I % (2 * LANES) == 0) fold /= 2;
    while (fold * I < SUM_WIDTH) fold *= 2;
    return fold;
}

/* y[W] = sum over R of x[R,I]'s first W columns; W = I where fold > 1 */
static void sum_part(float *y, const float *x, int64_t R, int64_t I, int64_t W, int64_t fold) {
    if (I == 1) {
        *y = row_sum(x, R);
    } else if (fold == 1 || R < 2 * fold) {
        column_sums(y, x, R, W, I);
    } else { /* x as [R/fold, fold I], then the fold rows of that sum, and the rows left over */
        float wide[(LANES + 1) * SUM_WIDTH];
        int64_t whole = R / fold;
        column_sums(wide, x, whole, fold * I, fold * I);
        column_sums(wide + fold * I, x + whole * fold * I, R - whole * fold, I, I);
        column_sums(y, wide, fold + 1, I, I);
    }
}

static void sum_scale(float *y, int64_t n, float scale) {
    for (int64_t i = 0; i < n; i++) y[i] *= scale;
}

/* Rows begin .. end-1 of x[O,R], R small: VLEN of them at a time, turned so that they are columns */
struct short_rows_job { float *y; int32_t *index; const float *x; int64_t R; float scale; int32_t sign; };

/* turned[R, VLEN] = x[rows, R], rows <= VLEN */
static void turn_rows(float *turned, const float *x, int64_t rows, int64_t R) {
    for (int64_t i = 0; i < rows; i++)
        for (int64_t r = 0; r < R; r++) turned[r * VLEN + i] = x[i * R + r];
}

/* The sums of row_sum, VLEN rows at a time: a lane there is a vector here. */
static void short_rows_sum(const void *job_, int64_t begin, int64_t end) {
    const struct short_rows_job *job = job_;
    float turned[SHORT_ROW * VLEN] = {0};
    for (int64_t o = begin; o < end; o += VLEN) {
        turn_rows(turned, job->x + o * job->R, cg_min64(VLEN, end - o), job->R);
        vf lane[LANES];
        for (int k = 0; k < LANES; k++) lane[k] = 0.0f + vf_load(turned + k * VLEN);
        for (int w = LANES / 2; w >= 4; w /= 2)
            for (int k = 0; k < w; k++) lane[k] += lane[k + w];
        vf_store_upto(job->y + o, ((lane[0] + lane[2]) + (lane[1] + lane[3])) * vf_set(job->scale), end - o);
    }
}

static int CG_FN(reduce_sum)(float *y, const float *x, int64_t O, int64_t R, int64_t I, float scale) {
    int64_t fold = sum_fold(I), rows = I == 1 ? SUM_ROW : SUM_ROWS * fold;
    int64_t parts = cg_max64(1, cg_ceil_div(R, rows)), blocks = cg_ceil_div(I, SUM_COLUMNS);
    size_t bytes = (size_t)(O * parts * I) * sizeof(float);
    if (O * I == 0) return CG_OK;
    if (I == 1 && R <= SHORT_ROW && O > 1) {
        const struct short_rows_job job = {y, NULL, x, R, scale, 0};
        for_chunks(short_rows_sum, &job, O, CHUNK / SHORT_ROW, (double)O * R, 4.0 * O * R);
        return CG_OK;
    }
    float *partial = parts > 1 ? cg_alloc(bytes) : y; /* [O, parts, I] */
    if (!partial) return CG_ENOMEM;
    double work = (double)O * R * I;
    int threads = cg_threads(work, 4 * work);
    CG_PRAGMA(omp parallel for collapse(3) schedule(static) num_threads(threads) if (threads > 1))
    for (int64_t o = 0; o < O; o++)
        for (int64_t part = 0; part < parts; part++)
            for (int64_t b = 0; b < blocks; b++) {
                int64_t i = b * SUM_COLUMNS, r = part * rows, W = cg_min64(SUM_COLUMNS, I - i);
                float *out = partial + (o * parts + part) * I + i;
                sum_part(out, x + (o * R + r) * I + i, cg_min64(rows, R - r), I, W, fold);
                if (parts == 1) sum_scale(out, W, scale);
            }
    if (parts == 1) return CG_OK;
    threads = cg_threads(work / (double)rows, 4 * work / (double)rows);
    CG_PRAGMA(omp parallel for collapse(2) schedule(static) num_threads(threads) if (threads > 1))
    for (int64_t o = 0; o < O; o++)
        for (int64_t b = 0; b < blocks; b++) {
            int64_t i = b * SUM_COLUMNS, W = cg_min64(SUM_COLUMNS, I - i);
            sum_part(y + o * I + i, partial + o * parts * I + i, parts, I, W, fold);
            sum_scale(y + o * I + i, W, scale);
        }
    cg_free(partial, bytes);
    return CG_OK;
}

/* ---- maximum: the first of the largest; a NaN is larger than any number. Exact, so any order of work gives the same. The minimum is the
 * maximum with the signs changed: of the values as they are loaded (sign: 0 or the sign's bit) and of the result. ---- */

enum {
    MAX_ROWS = 2048, MAX_ROW = 32768, /* rows of a part, and values of a part where I = 1 */
    MAX_PIECE = 1024,                 /* of a row, searched for the place of the maximum once its value is known */
    MAX_VECTORS = 4                   /* of columns, side by side: a row is read in more than a cache line at a time */
};

CG_INLINE vf signed_by(vf v, vi sign) { return (vf)((vi)v ^ sign); }
static float sign_changed(float v, int32_t sign) { return sign ? -v : v; }

CG_INLINE int max_beats(float v, float m) { return !(v <= m) && m == m; }
CG_INLINE vi vf_beats(vf v, vf m) { return ~(vi)(v <= m) & (vi)(m == m); }

CG_INLINE lanes lanes_maximum(lanes v, lanes m) {
    CG_UNROLL
    for (int j = 0; j < LANE_VECTORS; j++) m.v[j] = vf_maximum(v.v[j], m.v[j]);
    return m;
}

CG_INLINE lanes lanes_signed(lanes a, vi sign) {
    CG_UNROLL
    for (int j = 0; j < LANE_VECTORS; j++) a.v[j] = signed_by(a.v[j], sign);
    return a;
}

/* The largest of n values, or NaN if there is one; of +0 and -0 either */
static float piece_largest(const float *x, int64_t n, vi sign) {
    lanes m[4] = {lanes_set(-INFINITY), lanes_set(-INFINITY), lanes_set(-INFINITY), lanes_set(-INFINITY)};
    const float none = sign[0] ? INFINITY : -INFINITY;
    int64_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        for (int k = 0; k < 4; k++) m[k] = lanes_maximum(lanes_signed(lanes_load_upto(x + i + k * LANES, LANES, 0), sign), m[k]);
    for (; i < n; i += LANES) m[0] = lanes_maximum(lanes_signed(lanes_load_upto(x + i, n - i, none), sign), m[0]);
    const lanes all = lanes_maximum(lanes_maximum(m[0], m[1]), lanes_maximum(m[2], m[3]));
    CG_UNROLL
    for (int j = 0; j < LANE_VECTORS; j++)
        if (vi_any((vi)(all.v[j] != all.v[j]))) return NAN;
    return lanes_largest(all);
}

/* The first place of value m, or of a NaN if m is one; there is such a place. */
static int32_t find_first(const float *x, int64_t n, float m) {
    const vf wanted = vf_set(m);
    int32_t i = 0;
    while (m == m && i + VLEN <= n && !vi_any((vi)(vf_load(x + i) == wanted))) i += VLEN;
    while (!(x[i] == m || (x[i] != x[i] && m != m))) i++;
    return i;
}

/* The row's maximum and its index, unless where is NULL; n >= 1. Only the piece with the maximum is searched for its place. */
static void row_max(float *max, int32_t *where, const float *x, int64_t n, vi sign) {
    const int64_t piece = where ? MAX_PIECE : n;
    int64_t at = 0;
    if (n <= LANES) { /* nothing to gain from vectors */
        int32_t best = 0;
        for (int32_t i = 1; i < n; i++)
            if (max_beats(sign_changed(x[i], sign[0]), sign_changed(x[best], sign[0]))) best = i;
        if (max) *max = sign_changed(x[best], sign[0]);
        if (where) *where = best;
        return;
    }
    float m = piece_largest(x, cg_min64(piece, n), sign);
    for (int64_t i = piece; i < n; i += piece) {
        const float next = piece_largest(x + i, cg_min64(piece, n - i), sign);
        if (max_beats(next, m)) m = next, at = i;
    }
    if (where || m == 0 || m != m) { /* the first zero's sign is wanted, and the first NaN's bits */
        const int32_t first = (int32_t)at + find_first(x + at, n - at, sign_changed(m, sign[0]));
        m = sign_changed(x[first], sign[0]);
        if (where) *where = first;
    }
    if (max) *max = m;
}

/* y[v vectors], index = maximum of R rows of x that begin stride apart, n lanes of the last vector; either may be NULL */
CG_INLINE void column_max_of(float *y, int32_t *index, const float *x, int64_t R, int64_t stride, vi first, vi sign, const int v, const int indexed,
                             int64_t n) {
    vf best[MAX_VECTORS];
    vi where[MAX_VECTORS], here = first;
    CG_UNROLL
    for (int j = 0; j < v; j++) best[j] = signed_by(vf_load_upto(x + j * VLEN, n), sign), where[j] = first;
    for (int64_t r = 1; r < R; r++) {
        here += 1;
        CG_UNROLL
        for (int j = 0; j < v; j++) {
            const vf next = signed_by(vf_load_upto(x + r * stride + j * VLEN, n), sign);
            if (indexed) {
                const vi take = vf_beats(next, best[j]);
                best[j] = vf_select(take, next, best[j]);
                where[j] = (take & here) | (~take & where[j]);
            } else {
                best[j] = vf_maximum(next, best[j]);
            }
        }
    }
    CG_UNROLL
    for (int j = 0; j < v; j++) {
        if (y) vf_store_upto(y + j * VLEN, best[j], n);
        if (indexed) vf_store_upto((float *)(index + j * VLEN), (vf)where[j], n);
    }
}

/* The same for W columns; indices count from first */
static void column_max(float *y, int32_t *index, const float *x, int64_t R, int64_t W, int64_t stride, int64_t first, vi sign) {
    const vi start = vi_set((int32_t)first);
    int64_t i = 0;
    for (; i + MAX_VECTORS * VLEN <= W; i += MAX_VECTORS * VLEN) {
        if (index) column_max_of(y ? y + i : NULL, index + i, x + i, R, stride, start, sign, MAX_VECTORS, 1, VLEN);
        else column_max_of(y + i, NULL, x + i, R, stride, start, sign, MAX_VECTORS, 0, VLEN);
    }
    for (; i < W; i += VLEN) {
        if (index) column_max_of(y ? y + i : NULL, index + i, x + i, R, stride, start, sign, 1, 1, W - i);
        else column_max_of(y + i, NULL, x + i, R, stride, start, sign, 1, 0, W - i);
    }
}

/* That of VLEN rows at a time */
static void short_rows_max(const void *job_, int64_t begin, int64_t end) {
    const struct short_rows_job *job = job_;
    float turned[SHORT_ROW * VLEN];
    for (int64_t o = begin; o < end; o += VLEN) {
        const int64_t rows = cg_min64(VLEN, end - o);
        turn_rows(turned, job->x + o * job->R, rows, job->R);
        column_max(job->y ? job->y + o : NULL, job->index ? job->index + o : NULL, turned, job->R, rows, VLEN, 0, vi_set(job->sign));
    }
}

static void change_signs(float *y, int64_t n, int32_t sign) {
    for (int64_t i = 0; i < n; i++) y[i] = sign_changed(y[i], sign);
}

/* sign: 0 for the maximum, INT32_MIN for the minimum */
static int extreme(float *y, int32_t *index, const float *x, int64_t O, int64_t R, int64_t I, int32_t sign) {
    const int64_t rows = I == 1 ? MAX_ROW : MAX_ROWS, parts = cg_ceil_div(R, rows), blocks = cg_ceil_div(I, SUM_COLUMNS);
    const size_t bytes = (size_t)(O * parts * I) * sizeof(float);
    const double work = (double)O * R * I;
    const vi signs = vi_set(sign);
    float *part_y = y;
    int32_t *part_index = index;
    if (O * I == 0) return CG_OK;
    if (I == 1 && R <= SHORT_ROW && O > 1) {
        const struct short_rows_job job = {y, index, x, R, 1, sign};
        for_chunks(short_rows_max, &job, O, CHUNK / SHORT_ROW, work, 4 * work);
        if (y) change_signs(y, O, sign);
        return CG_OK;
    }
    if (parts > 1) { /* [O, parts, I] each */
        part_y = cg_alloc(bytes);
        part_index = index ? cg_alloc(bytes) : NULL;
        if (!part_y || (index && !part_index)) {
            cg_free(part_y, bytes);
            cg_free(part_index, bytes);
            return CG_ENOMEM;
        }
    }
    const int threads = cg_threads(work, 4 * work);
    CG_PRAGMA(omp parallel for collapse(3) schedule(static) num_threads(threads) if (threads > 1))
    for (int64_t o = 0; o < O; o++)
        for (int64_t part = 0; part < parts; part++)
            for (int64_t b = 0; b < blocks; b++) {
                const int64_t i = b * SUM_COLUMNS, r = part * rows, out = (o * parts + part) * I + i, n = cg_min64(rows, R - r);
                const float *p = x + (o * R + r) * I + i;
                float *to = part_y ? part_y + out : NULL;
                if (I == 1) {
                    row_max(to, part_index ? part_index + out : NULL, p, n, signs);
                    if (part_index) part_index[out] += (int32_t)r;
                } else {
                    column_max(to, part_index ? part_index + out : NULL, p, n, cg_min64(SUM_COLUMNS, I - i), I, r, signs);
                }
            }
    for (int64_t o = 0; o < (parts > 1 ? O : 0); o++)
        for (int64_t i = 0; i < I; i++) {
            int64_t best = o * parts * I + i;
            for (int64_t part = 1; part < parts; part++) {
                const int64_t next = (o * parts + part) * I + i;
                if (max_beats(part_y[next], part_y[best])) best = next;
            }
            if (y) y[o * I + i] = part_y[best];
            if (index) index[o * I + i] = part_index[best];
        }
    if (parts > 1) {
        cg_free(part_y, bytes);
        cg_free(part_index, bytes);
    }
    if (y && sign) change_signs(y, O * I, sign);
    return CG_OK;
}

static int CG_FN(reduce_max)(float *y, int32_t *index, const float *x, int64_t O, int64_t R, int64_t I) {
    return extreme(y, index, x, O, R, I, 0);
}

static int CG_FN(reduce_min)(float *y, int32_t *index, const float *x, int64_t O, int64_t R, int64_t I) {
    return extreme(y, index, x, O, R, I, INT32_MIN);
}

static int CG_FN(reduce_max_backward)(float *dx, const float *dy, const int32_t *index, int64_t O, int64_t R, int64_t I) {
    double bytes = 4.0 * (double)O * R * I;
    int threads = cg_threads(0, bytes);
    if (I == 1) {
        CG_PARALLEL_FOR(threads)
        for (int64_t o = 0; o < O; o++) {
            vf d = vf_set(dy[o]), zero = vf_set(0);
            vi here = lane_numbers(), first = vi_set(index[o]);
            for (int64_t r = 0; r < R; r += VLEN, here += VLEN)
                vf_store_upto(dx + o * R + r, vf_select((vi)(here == first), d, zero), R - r);
        }
        return CG_OK;
    }
    CG_PRAGMA(omp parallel for collapse(2) schedule(static) num_threads(threads) if (threads > 1))
    for (int64_t o = 0; o < O; o++)
        for (int64_t r = 0; r < R; r++) {
            vi here = vi_set((int32_t)r);
            for (int64_t i = 0; i < I; i += VLEN) {
                int64_t n = I - i;
                vi hit = (vi)((vi)vf_load_upto((const float *)(index + o * I + i), n) == here);
                vf_store_upto(dx + (o * R + r) * I + i, vf_select(hit, vf_load_upto(dy + o * I + i, n), vf_set(0)), n);
            }
        }
    return CG_OK;
}
