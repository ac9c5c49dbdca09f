/* pool2d.c: maximum and average pooling of x[N,H,W,C] with a window of R x S, and their backwards.
 *
 * Vectors run over channels. Where C is not a multiple of VLEN, a vector that begins in one pixel ends in the next ones: what it
 * reads there is ignored, and what it writes there is overwritten when their turn comes, because the rows of a part are
 * written in ascending order. Only the last pixels of an array, and of a part, need partial loads and stores. */

/* The sizes of kernels.def */
struct pool { int64_t N, H, W, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left; };

CG_INLINE vi load_bytes(const uint8_t *p, int64_t n) {
    if (n >= VLEN) return vi_load_bytes(p);
    vi bytes = {0};
    for (int64_t i = 0; i < n; i++) bytes[i] = p[i];
    return bytes;
}

CG_INLINE void store_bytes(uint8_t *p, vi v, int64_t n) {
    if (n >= VLEN) vi_store_bytes(p, v);
    else for (int64_t i = 0; i < n; i++) p[i] = (uint8_t)v[i];
}

/* Lanes for a vector at channel c of a pixel, room pixels (that one included) before the end of what may be touched */
CG_INLINE int64_t lanes_in(int64_t room, int64_t c, int64_t C) {
    return C - c >= VLEN || room * C - c >= VLEN ? VLEN : C - c;
}

struct span { int64_t low, high; }; /* low <= i < high */

/* The part of a window that lies inside 0 .. extent-1 when the window begins at start */
CG_INLINE struct span span_inside(int64_t start, int64_t window, int64_t extent) {
    return (struct span){cg_max64(0, -start), cg_min64(window, extent - start)};
}

/* The windows q that lie inside a row of x, with room for all lanes of their vectors: room_x pixels from the row's begin,
 * room_y from the begin of the windows' own row. */
CG_INLINE struct span windows_inside(const struct pool *g, int64_t room_x, int64_t room_y) {
    int64_t touched = cg_ceil_div(cg_ceil_div(g->C, VLEN) * VLEN, g->C); /* pixels that a pixel's vectors reach into */
    int64_t most = cg_min64(g->W, room_x + 1 - touched) - g->S + g->pad_left; /* the last q * stride_w */
    int64_t low = cg_ceil_div(g->pad_left, g->stride_w), end = cg_min64(g->Q, room_y + 1 - touched);
    return (struct span){low, most < 0 ? low : cg_max64(low, cg_min64(end, most / g->stride_w + 1))};
}

/* ---- forward: one vector, one row, the batch; x points at the window's place (0, 0), which may lie outside; r and s do not ---- */

/* y and argmax of n channels. The first of the largest wins. NaN is overlooked; gives the sum of the window, which then is NaN, too, and
 * costs nothing beside the comparisons. */
CG_INLINE vf max_window(float *y, uint8_t *argmax, const float *x, struct span r, struct span s, int64_t S, int64_t row, int64_t C, int64_t n,
                        int stream) {
    vf best = vf_set(-INFINITY), sum = vf_set(0);
    vi where = vi_set((int32_t)(r.low * S + s.low));
    for (int64_t i = r.low; i < r.high; i++)
        for (int64_t j = s.low; j < s.high; j++) {
            const vf v = vf_load_upto(x + i * row + j * C, n);
            sum += v;
            if (argmax) where = (vi)vf_if_less(best, v, (vf)vi_set((int32_t)(i * S + j)), (vf)where);
            best = vf_max(v, best);
        }
    if (n >= VLEN) put(y, best, stream);
    else vf_store_n(y, best, n);
    if (argmax) store_bytes(argmax, where, n);
    return sum;
}

/* C channels once more, one by one, where there may be a NaN: the first one wins over everything. */
static void max_window_with_nan(float *y, uint8_t *argmax, const float *x, struct span r, struct span s, int64_t S, int64_t row, int64_t C) {
    for (int64_t c = 0; c < C; c++) {
        float best = -INFINITY;
        int64_t where = r.low * S + s.low;
        for (int64_t i = r.low; i < r.high; i++)
            for (int64_t j = s.low; j < s.high; j++) {
                const float v = x[i * row + j * C + c];
                if (v > best || (v != v && best == best)) best = v, where = i * S + j;
            }
        y[c] = best;
        if (argmax) argmax[c] = (uint8_t)where;
    }
}

CG_INLINE void average_window(float *y, const float *x, struct span r, struct span s, int64_t row, int64_t C, int64_t n, int stream) {
    vf sum = vf_set(0);
    for (int64_t i = r.low; i < r.high; i++)
        for (int64_t j = s.low; j < s.high; j++) sum += vf_load_upto(x + i * row + j * C, n);
    sum *= vf_set(1 / (float)((r.high - r.low) * (s.high - s.low)));
    if (n >= VLEN) put(y, sum, stream);
    else vf_store_n(y, sum, n);
}

/* A pixel of y. room: pixels from here to the end of what may be touched of x and y; whole: enough for all lanes */
CG_INLINE void pool_pixel(const int average, float *y, uint8_t *argmax, const float *x, struct span r, struct span s, int64_t S, int64_t row,
                          int64_t C, const int whole, int64_t room, int stream) {
    vf sum = vf_set(0);
    for (int64_t c = 0; c < C; c += VLEN) {
        const int64_t n = whole ? VLEN : lanes_in(room, c, C);
        if (average) average_window(y + c, x + c, r, s, row, C, n, stream);
        else sum += max_window(y + c, argmax ? argmax + c : NULL, x + c, r, s, S, row, C, n, stream);
    }
    if (!average && vi_any((vi)(sum != sum))) max_window_with_nan(y, argmax, x, r, s, S, row, C);
}

/* count pixels of y whose windows and vectors lie inside. A function for each size of window that is a constant: alone, it has registers
 * for all its addresses. */
typedef void whole_windows(const struct pool *g, float *y, uint8_t *argmax, const float *x, int64_t count, int stream);
#define WHOLE_WINDOWS(name, average, argmax, R, S)                                                                                      \
    static void name(const struct pool *g, float *y, uint8_t *places, const float *x, int64_t count, int stream) {                      \
        const int64_t C = g->C, row = g->W * C, step = g->stride_w * C;                                                                 \
        (void)places;                                                                                                                   \
        for (int64_t q = 0; q < count; q++)                                                                                             \
            pool_pixel(average, y + q * C, argmax, x + q * step, (struct span){0, R}, (struct span){0, S}, S, row, C, 1, 0, stream);    \
    }
WHOLE_WINDOWS(maxima, 0, NULL, g->R, g->S)
WHOLE_WINDOWS(maxima_2x2, 0, NULL, 2, 2)
WHOLE_WINDOWS(maxima_3x3, 0, NULL, 3, 3)
WHOLE_WINDOWS(maxima_and_places, 0, places + q * C, g->R, g->S)
WHOLE_WINDOWS(maxima_and_places_2x2, 0, places + q * C, 2, 2)
WHOLE_WINDOWS(maxima_and_places_3x3, 0, places + q * C, 3, 3)
WHOLE_WINDOWS(averages, 1, NULL, g->R, g->S)
WHOLE_WINDOWS(averages_2x2, 1, NULL, 2, 2)

/* y[Q,C]; room_x counts from the window's last row, room_y from y. */
CG_INLINE void pool_row(const struct pool *g, const int average, whole_windows *inside, float *y, uint8_t *argmax, const float *x, struct span r,
                        int64_t room_x, int64_t room_y, int stream) {
    const int64_t C = g->C, S = g->S;
    struct span whole = windows_inside(g, room_x, room_y);
    if (r.low > 0 || r.high < g->R) whole.high = whole.low;
    for (int64_t q = 0; q < g->Q; q++) {
        const int64_t w = q * g->stride_w - g->pad_left;
        float *to = y + q * C;
        uint8_t *place = argmax ? argmax + q * C : NULL;
        if (q == whole.low && whole.high > q) {
            inside(g, to, place, x + w * C, whole.high - q, stream);
            q = whole.high - 1;
        } else {
            const int64_t room = cg_min64(room_x - w - S + 1, room_y - q);
            pool_pixel(average, to, place, x + w * C, r, span_inside(w, S, g->W), S, g->W * C, C, 0, room, stream);
        }
    }
}

static int pool_threads(const struct pool *g) {
    return cg_threads((double)g->N * g->P * g->Q * g->C * g->R * g->S, 4.0 * g->N * g->C * ((double)g->H * g->W + (double)g->P * g->Q));
}

/* Parts that the rows are cut into. With one a thread, a helper that comes when the caller has begun would find nothing left. */
static int pool_parts(int threads) { return threads > 1 ? 8 * threads : 1; }

CG_INLINE void pool_rows(const struct pool *g, const int average, whole_windows *inside, float *y, uint8_t *argmax, const float *x) {
    const int64_t N = g->N, H = g->H, W = g->W, C = g->C, P = g->P, Q = g->Q;
    const int threads = pool_threads(g), parts = pool_parts(threads);
    const int stream = C % VLEN == 0 && streams(y, N * C * (H * W + P * Q)); /* what x and y together drive out of the cache is y, too */
    CG_PARALLEL_FOR(threads)
    for (int t = 0; t < parts; t++) {
        const int64_t end = N * P * (t + 1) / parts;
        for (int64_t i = N * P * t / parts; i < end; i++) {
            const int64_t n = i / P, h = i % P * g->stride_h - g->pad_top;
            const struct span r = span_inside(h, g->R, H);
            pool_row(g, average, inside, y + i * Q * C, argmax ? argmax + i * Q * C : NULL, x + (n * H + h) * W * C, r,
                     (N * H - (n * H + h + r.high - 1)) * W, (end - i) * Q, stream);
        }
        if (stream) vf_stream_end();
    }
}

static int CG_FN(max_pool2d_forward)(float *y, uint8_t *argmax, const float *x, int64_t N, int64_t H, int64_t W, int64_t C,
                                     int64_t R, int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                     int64_t pad_top, int64_t pad_left) {
    const struct pool g = {N, H, W, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left};
    whole_windows *inside = argmax ? maxima_and_places : maxima;
    if (R == 2 && S == 2) inside = argmax ? maxima_and_places_2x2 : maxima_2x2;
    if (R == 3 && S == 3) inside = argmax ? maxima_and_places_3x3 : maxima_3x3;
    pool_rows(&g, 0, inside, y, argmax, x);
    return CG_OK;
}

static int CG_FN(average_pool2d_forward)(float *y, const float *x, int64_t N, int64_t H, int64_t W, int64_t C, int64_t R,
                                         int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                         int64_t pad_top, int64_t pad_left) {
    const struct pool g = {N, H, W, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left};
    pool_rows(&g, 1, R == 2 && S == 2 ? averages_2x2 : averages, y, NULL, x);
    return CG_OK;
}

/* ---- backward: a pixel of dx gathers from the windows over it, so it is written once, and overlapping windows need no care ---- */

/* What dy gives to one place of its window: dy where the argmax is that place */
CG_INLINE vf share(vf dy, vi argmax, int32_t place) { return (vf)((vi)dy & (vi)(argmax == vi_set(place))); }

/* Windows side by side, as most are: each writes its own R x S pixels. Row p of dy[Q,C] to rows p*R .. p*R+R-1 of dx[W,C]. Where
 * C < VLEN a vector may reach into the pixels right of its own, which come later, but not into the row below. left: values from here
 * to dy's end. */
CG_INLINE void unpool_tiles(float *dx, const float *dy, const uint8_t *argmax, int64_t left, int64_t W, int64_t C, int64_t R,
                            int64_t S, int64_t Q, int stream) {
    const vf weight = vf_set(1 / (float)(R * S));
    for (int64_t q = 0; q < Q; q++) {
        for (int64_t c = 0; c < C; c += VLEN) {
            const int64_t from = q * C + c, n = left - from;
            vf d = vf_load_upto(dy + from, n);
            vi winner = argmax ? load_bytes(argmax + from, n) : vi_set(0);
            if (!argmax) d = 0.0f + d * weight;
            for (int64_t r = 0; r < R; r++) {
                for (int64_t s = 0; s < S; s++) {
                    vf v = d;
                    if (argmax) v = 0.0f + share(d, winner, (int32_t)(r * S + s));
                    const int64_t w = q * S + s, room = C < VLEN ? (W - w) * C : C - c;
                    float *to = dx + (r * W + w) * C + c;
                    if (room >= VLEN) put(to, v, stream);
                    else vf_store_n(to, v, room);
                }
            }
        }
    }
    for (int64_t r = 0; r < R; r++) memset(dx + (r * W + Q * S) * C, 0, (size_t)((W - Q * S) * C) * sizeof *dx);
}

/* All of dx, a row of windows at a time; those rows of dx that no window reaches are zero. */
static void unpool_side_by_side(const struct pool *g, float *dx, const float *dy, const uint8_t *argmax, int threads) {
    const int64_t N = g->N, H = g->H, W = g->W, C = g->C, R = g->R, S = g->S, P = g->P, Q = g->Q;
    const int stream = C % VLEN == 0 && streams(dx, N * H * W * C);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < N * P; i++) {
        const int64_t n = i / P, p = i % P, left = (N * P - i) * Q * C;
        float *to = dx + (n * H + p * R) * W * C;
        const float *from = dy + i * Q * C;
        const uint8_t *winner = argmax ? argmax + i * Q * C : NULL;
        if (R == 2 && S == 2 && argmax) unpool_tiles(to, from, winner, left, W, C, 2, 2, Q, stream);
        else if (R == 2 && S == 2) unpool_tiles(to, from, NULL, left, W, C, 2, 2, Q, stream);
        else unpool_tiles(to, from, winner, left, W, C, R, S, Q, stream);
        if (p == P - 1) memset(to + R * W * C, 0, (size_t)((H - P * R) * W * C) * sizeof *dx);
        if (stream) vf_stream_end();
    }
}

/* Moves the span of those among count windows that lie over a place; places come in ascending order, the first from {0, 0} */
CG_INLINE void windows_over(struct span *span, int64_t place, int64_t window, int64_t stride, int64_t count) {
    while (span->high < count && span->high * stride <= place) span->high++;
    while (span->low < span->high && span->low * stride + window <= place) span->low++;
}

/* A pixel of dx from rows x columns windows over it, down and right of the first: one window further, its place is up or left of that in
 * the first. room: pixels from here to the end of what may be touched of dx and dy; whole: enough for all lanes. */
CG_INLINE void unpool_pixel(float *dx, const float *dy, const uint8_t *argmax, int64_t place, float weight, const int64_t rows,
                            const int64_t columns, int64_t up, int64_t left, int64_t row, int64_t C, const int whole, int64_t room) {
    for (int64_t c = 0; c < C; c += VLEN) {
        const int64_t n = whole ? VLEN : lanes_in(room, c, C);
        vf sum = vf_set(0);
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < columns; j++) {
                const int64_t from = i * row + j * C + c;
                const int32_t here = (int32_t)(place - i * up - j * left);
                if (!argmax) sum += vf_load_upto(dy + from, n) * vf_set(weight);
                else if (n >= VLEN) sum += vf_load_where(dy + from, argmax + from, here);
                else sum += share(vf_load_n(dy + from, n), load_bytes(argmax + from, n), here);
            }
        vf_store_upto(dx + c, sum, n);
    }
}

/* The same with loops for the numbers of windows of 3 x 3 by steps of two; argmax is NULL or not where this is inlined. */
CG_INLINE void unpool_windows(float *dx, const float *dy, const uint8_t *argmax, int64_t place, float weight, int64_t rows, int64_t columns,
                              int64_t up, int64_t left, int64_t row, int64_t C, int64_t room) {
    if (room * C < cg_ceil_div(C, VLEN) * VLEN) unpool_pixel(dx, dy, argmax, place, weight, rows, columns, up, left, row, C, 0, room);
    else if (rows == 1 && columns == 1) unpool_pixel(dx, dy, argmax, place, weight, 1, 1, up, left, row, C, 1, room);
    else if (rows == 1 && columns == 2) unpool_pixel(dx, dy, argmax, place, weight, 1, 2, up, left, row, C, 1, room);
    else if (rows == 2 && columns == 1) unpool_pixel(dx, dy, argmax, place, weight, 2, 1, up, left, row, C, 1, room);
    else if (rows == 2 && columns == 2) unpool_pixel(dx, dy, argmax, place, weight, 2, 2, up, left, row, C, 1, room);
    else unpool_pixel(dx, dy, argmax, place, weight, rows, columns, up, left, row, C, 1, room);
}

/* A pixel from windows p and q of an average, of which the border cuts some off: each has a weight of its own. */
static void unpool_cut_windows(const struct pool *g, float *dx, const float *dy, struct span p, struct span q, int64_t room) {
    for (int64_t i = p.low; i < p.high; i++)
        for (int64_t j = q.low; j < q.high; j++) {
            const struct span r = span_inside(i * g->stride_h - g->pad_top, g->R, g->H), s = span_inside(j * g->stride_w - g->pad_left, g->S, g->W);
            const vf weight = vf_set(1 / (float)((r.high - r.low) * (s.high - s.low)));
            for (int64_t c = 0; c < g->C; c += VLEN) {
                const int64_t n = lanes_in(room, c, g->C);
                vf sum = vf_set(0);
                if (i > p.low || j > q.low) sum = vf_load_upto(dx + c, n);
                vf_store_upto(dx + c, sum + vf_load_upto(dy + (i * g->Q + j) * g->C + c, n) * weight, n);
            }
        }
}

/* Do some windows over a place reach beyond 0 .. extent-1? */
CG_INLINE int windows_cut(struct span windows, int64_t window, int64_t stride, int64_t pad, int64_t extent) {
    return windows.low * stride < pad || (windows.high - 1) * stride - pad + window > extent;
}

/* Row h of dx[W,C] from windows p of dy[P,Q,C]; room_y counts from row p.high - 1. argmax NULL: the average's. */
static void unpool_row(const struct pool *g, float *dx, const float *dy, const uint8_t *argmax, int64_t h, struct span p, int64_t room_x,
                       int64_t room_y) {
    const int64_t C = g->C, up = g->stride_h * g->S, left = g->stride_w, row = g->Q * C, rows = p.high - p.low;
    const int row_cut = windows_cut(p, g->R, g->stride_h, g->pad_top, g->H);
    const float weight = 1 / (float)(g->R * g->S);
    struct span q = {0, 0};
    for (int64_t w = 0; w < g->W; w++, dx += C) {
        windows_over(&q, w + g->pad_left, g->S, left, g->Q);
        const int64_t columns = q.high - q.low, room = cg_min64(room_x - w, room_y - q.high + 1);
        const int64_t place = (h + g->pad_top) * g->S - p.low * up + w + g->pad_left - q.low * left, from = p.low * row + q.low * C;
        if (rows <= 0 || columns <= 0)
            memset(dx, 0, (size_t)C * sizeof *dx);
        else if (argmax)
            unpool_windows(dx, dy + from, argmax + from, place, weight, rows, columns, up, left, row, C, room);
        else if (row_cut || windows_cut(q, g->S, left, g->pad_left, g->W))
            unpool_cut_windows(g, dx, dy, p, q, room);
        else
            unpool_windows(dx, dy + from, NULL, place, weight, rows, columns, up, left, row, C, room);
    }
}

static int unpool(const struct pool *g, float *dx, const float *dy, const uint8_t *argmax) {
    const int64_t N = g->N, H = g->H, W = g->W, C = g->C, R = g->R, S = g->S, P = g->P, Q = g->Q;
    const int threads = pool_threads(g), parts = pool_parts(threads);
    if (R == g->stride_h && S == g->stride_w && g->pad_top == 0 && g->pad_left == 0 && P > 0 && P * R <= H && Q * S <= W) {
        unpool_side_by_side(g, dx, dy, argmax, threads);
        return CG_OK;
    }
    CG_PARALLEL_FOR(threads)
    for (int t = 0; t < parts; t++) {
        const int64_t end = N * H * (t + 1) / parts;
        for (int64_t i = N * H * t / parts; i < end; i++) {
            const int64_t n = i / H, h = i % H, from = n * P * Q * C;
            const struct span p = {cg_max64(0, cg_ceil_div(h + g->pad_top - R + 1, g->stride_h)), cg_min64(P, (h + g->pad_top) / g->stride_h + 1)};
            unpool_row(g, dx + i * W * C, dy + from, argmax ? argmax + from : NULL, h, p, (end - i) * W, ((N - n) * P - p.high + 1) * Q);
        }
    }
    return CG_OK;
}

static int CG_FN(max_pool2d_backward)(float *dx, const float *dy, const uint8_t *argmax, int64_t N, int64_t H, int64_t W,
                                      int64_t C, int64_t R, int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                      int64_t pad_top, int64_t pad_left) {
    const struct pool g = {N, H, W, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left};
    return unpool(&g, dx, dy, argmax);
}

static int CG_FN(average_pool2d_backward)(float *dx, const float *dy, int64_t N, int64_t H, int64_t W, int64_t C, int64_t R,
                                          int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                          int64_t pad_top, int64_t pad_left) {
    const struct pool g = {N, H, W, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left};
    return unpool(&g, dx, dy, NULL);
}
