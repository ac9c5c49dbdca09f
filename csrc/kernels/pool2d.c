/* pool2d.c: maximum and average pooling of x[N,H,W,C] with a window of R x S, and their backwards.
 *
 * Vectors run over channels. Where C is not a multiple of VLEN, a vector that begins in one pixel ends in the next ones: what it
 * reads there is ignored, and what it writes there is overwritten when their turn comes, because the rows of a part are
 * written in ascending order. Only the last pixels of an array, and of a part, need partial loads and stores. */

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

/* The windows q that lie inside a row of W pixels, with room for all lanes of their vectors: room_x pixels from the row's begin,
 * room_y from the begin of the windows' own row. */
CG_INLINE struct span windows_inside(int64_t W, int64_t room_x, int64_t room_y, int64_t C, int64_t S, int64_t Q,
                                     int64_t stride_w, int64_t pad_left) {
    int64_t touched = cg_ceil_div(cg_ceil_div(C, VLEN) * VLEN, C); /* pixels that a pixel's vectors reach into */
    int64_t most = cg_min64(W, room_x + 1 - touched) - S + pad_left; /* the last q * stride_w */
    if (most < 0) return (struct span){0, 0};
    return (struct span){cg_ceil_div(pad_left, stride_w), cg_min64(cg_min64(Q, room_y + 1 - touched), most / stride_w + 1)};
}

/* ---- forward: one vector, one row, the batch; x points at the window's place (0, 0), which may lie outside; r and s do not ---- */

/* The first of the largest wins, and the first NaN over everything. */
CG_INLINE void max_window(float *y, uint8_t *argmax, const float *x, struct span r, struct span s, int64_t S, int64_t row,
                          int64_t C, int64_t n) {
    vf best = vf_set(-INFINITY);
    vi where = vi_set(0);
    for (int64_t i = r.low; i < r.high; i++)
        for (int64_t j = s.low; j < s.high; j++) {
            vf v = vf_load_upto(x + i * row + j * C, n);
            vi here = vi_set((int32_t)(i * S + j)), take = ~(vi)(v <= best) & (vi)(best == best);
            if (i == r.low && j == s.low) take = vi_set(-1);
            best = vf_select(take, v, best);
            where = (take & here) | (~take & where);
        }
    if (y) vf_store_upto(y, best, n);
    if (argmax) store_bytes(argmax, where, n);
}

CG_INLINE void average_window(float *y, const float *x, struct span r, struct span s, int64_t row, int64_t C, int64_t n) {
    vf sum = vf_set(0);
    for (int64_t i = r.low; i < r.high; i++)
        for (int64_t j = s.low; j < s.high; j++) sum += vf_load_upto(x + i * row + j * C, n);
    vf_store_upto(y, sum * vf_set(1 / (float)((r.high - r.low) * (s.high - s.low))), n);
}

/* y[Q,C]; room_x counts from the window's last row. Constants for average, R and S give a loop of its own. */
CG_INLINE void pool_row(int average, float *y, uint8_t *argmax, const float *x, struct span r, int64_t room_x,
                        int64_t room_y, int64_t W, int64_t C, int64_t R, int64_t S, int64_t Q, int64_t stride_w,
                        int64_t pad_left) {
    struct span inside = windows_inside(W, room_x, room_y, C, S, Q, stride_w, pad_left), all_r = {0, R}, all_s = {0, S};
    if (r.low > 0 || r.high < R) inside.high = 0;
    for (int64_t q = 0; q < Q; q++) {
        int64_t w = q * stride_w - pad_left;
        struct span s = span_inside(w, S, W);
        int whole = inside.low <= q && q < inside.high;
        for (int64_t c = 0; c < C; c += VLEN) {
            float *yc = y ? y + q * C + c : NULL;
            uint8_t *ac = argmax ? argmax + q * C + c : NULL;
            const float *xc = x + w * C + c;
            if (whole) {
                if (average) average_window(yc, xc, all_r, all_s, W * C, C, VLEN);
                else max_window(yc, ac, xc, all_r, all_s, S, W * C, C, VLEN);
            } else {
                int64_t n = cg_min64(lanes_in(room_y - q, c, C), lanes_in(room_x - w - S + 1, c, C));
                if (average) average_window(yc, xc, r, s, W * C, C, n);
                else max_window(yc, ac, xc, r, s, S, W * C, C, n);
            }
        }
    }
}

/* Rows t/parts to (t+1)/parts of y. (The loop over t is the callers', because constants do not pass into a parallel region.) */
CG_INLINE void pool_rows(int t, int parts, int average, float *y, uint8_t *argmax, const float *x, int64_t N, int64_t H,
                         int64_t W, int64_t C, int64_t R, int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                         int64_t pad_top, int64_t pad_left) {
    int64_t end = N * P * (t + 1) / parts;
    for (int64_t i = N * P * t / parts; i < end; i++) {
        int64_t n = i / P, h = i % P * stride_h - pad_top;
        struct span r = span_inside(h, R, H);
        pool_row(average, y ? y + i * Q * C : NULL, argmax ? argmax + i * Q * C : NULL, x + (n * H + h) * W * C, r,
                 (N * H - (n * H + h + r.high - 1)) * W, (end - i) * Q, W, C, R, S, Q, stride_w, pad_left);
    }
}

static int pool_threads(int64_t N, int64_t H, int64_t W, int64_t C, int64_t R, int64_t S, int64_t P, int64_t Q) {
    return cg_threads((double)N * P * Q * C * R * S, 4.0 * N * C * ((double)H * W + (double)P * Q));
}

/* Parts that the rows are cut into. With one a thread, a helper that comes when the caller has begun would find nothing left. */
static int pool_parts(int threads) { return threads > 1 ? 8 * threads : 1; }

static int CG_FN(max_pool2d_forward)(float *y, uint8_t *argmax, const float *x, int64_t N, int64_t H, int64_t W, int64_t C,
                                     int64_t R, int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                     int64_t pad_top, int64_t pad_left) {
    const int threads = pool_threads(N, H, W, C, R, S, P, Q), parts = pool_parts(threads);
    CG_PARALLEL_FOR(threads)
    for (int t = 0; t < parts; t++) {
        if (R == 2 && S == 2 && argmax)
            pool_rows(t, parts, 0, y, argmax, x, N, H, W, C, 2, 2, P, Q, stride_h, stride_w, pad_top, pad_left);
        else if (R == 2 && S == 2)
            pool_rows(t, parts, 0, y, NULL, x, N, H, W, C, 2, 2, P, Q, stride_h, stride_w, pad_top, pad_left);
        else if (R == 3 && S == 3)
            pool_rows(t, parts, 0, y, argmax, x, N, H, W, C, 3, 3, P, Q, stride_h, stride_w, pad_top, pad_left);
        else
            pool_rows(t, parts, 0, y, argmax, x, N, H, W, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left);
    }
    return CG_OK;
}

static int CG_FN(average_pool2d_forward)(float *y, const float *x, int64_t N, int64_t H, int64_t W, int64_t C, int64_t R,
                                         int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                         int64_t pad_top, int64_t pad_left) {
    const int threads = pool_threads(N, H, W, C, R, S, P, Q), parts = pool_parts(threads);
    CG_PARALLEL_FOR(threads)
    for (int t = 0; t < parts; t++) {
        if (R == 2 && S == 2)
            pool_rows(t, parts, 1, y, NULL, x, N, H, W, C, 2, 2, P, Q, stride_h, stride_w, pad_top, pad_left);
        else
            pool_rows(t, parts, 1, y, NULL, x, N, H, W, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left);
    }
    return CG_OK;
}

/* ---- backward: a pixel of dx gathers from the windows over it, so it is written once, and overlapping windows need no care ---- */

/* What dy gives to one place of its window: dy where the argmax is that place; with a weight (of the average): its share */
CG_INLINE vf share(vf dy, vi argmax, int32_t place) { return (vf)((vi)dy & (vi)(argmax == vi_set(place))); }
CG_INLINE vf share_at(const float *dy, const uint8_t *argmax, int64_t from, int32_t place, float weight, int64_t n) {
    vf d = vf_load_upto(dy + from, n);
    if (!argmax) return d * vf_set(weight);
    return share(d, load_bytes(argmax + from, n), place);
}

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
static void unpool_side_by_side(float *dx, const float *dy, const uint8_t *argmax, int64_t N, int64_t H, int64_t W, int64_t C,
                                int64_t R, int64_t S, int64_t P, int64_t Q, int threads) {
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

/* to = share, of the first window over a pixel, or to += share */
CG_INLINE void add_share(float *to, const float *dy, const uint8_t *argmax, int64_t from, int32_t place, float weight, int first,
                         int64_t n) {
    vf sum = vf_set(0);
    if (!first) sum = vf_load_upto(to, n);
    vf_store_upto(to, sum + share_at(dy, argmax, from, place, weight, n), n);
}

/* Row h of dx[W,C] from windows p of dy[P,Q,C]; room_y counts from row p.high - 1. argmax NULL: the average's. */
CG_INLINE void unpool_row(float *dx, const float *dy, const uint8_t *argmax, int64_t h, struct span p, int64_t room_x,
                          int64_t room_y, int64_t H, int64_t W, int64_t C, int64_t R, int64_t S, int64_t Q, int64_t stride_h,
                          int64_t stride_w, int64_t pad_top, int64_t pad_left) {
    if (p.low >= p.high) { /* no window reaches this row */
        memset(dx, 0, (size_t)(W * C) * sizeof *dx);
        return;
    }
    struct span q = {0, 0};
    for (int64_t w = 0; w < W; w++) {
        windows_over(&q, w + pad_left, S, stride_w, Q);
        if (q.low >= q.high) memset(dx + w * C, 0, (size_t)C * sizeof *dx);
        for (int64_t i = p.low; i < p.high; i++) {
            for (int64_t j = q.low; j < q.high; j++) {
                const int64_t top = i * stride_h - pad_top, left = j * stride_w - pad_left;
                const struct span r = span_inside(top, R, H), s = span_inside(left, S, W);
                const float weight = argmax ? 0 : 1 / (float)((r.high - r.low) * (s.high - s.low));
                const int32_t place = (int32_t)((h - top) * S + w - left);
                const int first = i == p.low && j == q.low;
                for (int64_t c = 0; c < C; c += VLEN) {
                    const int64_t from = (i * Q + j) * C + c;
                    if (C % VLEN == 0) {
                        add_share(dx + w * C + c, dy, argmax, from, place, weight, first, VLEN);
                    } else {
                        int64_t n = cg_min64(lanes_in(room_x - w, c, C), lanes_in(room_y - q.high + 1, c, C));
                        add_share(dx + w * C + c, dy, argmax, from, place, weight, first, n);
                    }
                }
            }
        }
    }
}

/* Rows t/parts to (t+1)/parts of dx */
CG_INLINE void unpool_rows(int t, int parts, float *dx, const float *dy, const uint8_t *argmax, int64_t N, int64_t H,
                           int64_t W, int64_t C, int64_t R, int64_t S, int64_t P, int64_t Q, int64_t stride_h,
                           int64_t stride_w, int64_t pad_top, int64_t pad_left) {
    int64_t end = N * H * (t + 1) / parts;
    for (int64_t i = N * H * t / parts; i < end; i++) {
        int64_t n = i / H, h = i % H, from = n * P * Q * C;
        struct span p = {cg_max64(0, cg_ceil_div(h + pad_top - R + 1, stride_h)), cg_min64(P, (h + pad_top) / stride_h + 1)};
        unpool_row(dx + i * W * C, dy + from, argmax ? argmax + from : NULL, h, p, (end - i) * W,
                   ((N - n) * P - p.high + 1) * Q, H, W, C, R, S, Q, stride_h, stride_w, pad_top, pad_left);
    }
}

static int CG_FN(max_pool2d_backward)(float *dx, const float *dy, const uint8_t *argmax, int64_t N, int64_t H, int64_t W,
                                      int64_t C, int64_t R, int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                      int64_t pad_top, int64_t pad_left) {
    const int threads = pool_threads(N, H, W, C, R, S, P, Q), parts = pool_parts(threads);
    if (R == stride_h && S == stride_w && pad_top == 0 && pad_left == 0 && P > 0 && P * R <= H && Q * S <= W) {
        unpool_side_by_side(dx, dy, argmax, N, H, W, C, R, S, P, Q, threads);
        return CG_OK;
    }
    CG_PARALLEL_FOR(threads)
    for (int t = 0; t < parts; t++)
        unpool_rows(t, parts, dx, dy, argmax, N, H, W, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left);
    return CG_OK;
}

static int CG_FN(average_pool2d_backward)(float *dx, const float *dy, int64_t N, int64_t H, int64_t W, int64_t C, int64_t R,
                                          int64_t S, int64_t P, int64_t Q, int64_t stride_h, int64_t stride_w,
                                          int64_t pad_top, int64_t pad_left) {
    const int threads = pool_threads(N, H, W, C, R, S, P, Q), parts = pool_parts(threads);
    if (R == stride_h && S == stride_w && pad_top == 0 && pad_left == 0 && P > 0 && P * R <= H && Q * S <= W) {
        unpool_side_by_side(dx, dy, NULL, N, H, W, C, R, S, P, Q, threads);
        return CG_OK;
    }
    CG_PARALLEL_FOR(threads)
    for (int t = 0; t < parts; t++)
        unpool_rows(t, parts, dx, dy, NULL, N, H, W, C, R, S, P, Q, stride_h, stride_w, pad_top, pad_left);
    return CG_OK;
}
