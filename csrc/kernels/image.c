/* image.c: pictures moved, turned, flipped, cut and scaled by an affine map for each: y[n,p,q] is x[n] at the row and the column that the map
 * says, from the nearest pixel or from the four around, weighted by how near they are. augment_images does the same to a batch of bytes
 * or floats and then shades it, picture by picture while that is in cache.
 *
 * Coordinates are computed in double precision, by the same operations everywhere: the pixels that are picked are the same on every machine.
 * Nearly all of them lie inside, or are moved there before pixels are looked up (nearest, overlapping); only the others take the long way.
 * Backward adds each gradient to the pixels that it came from, picture by picture, in the order of y. */

/* What is outside: the first three say it of pixels, the others of places, where OUTSIDE is beyond the outermost pixels' centres, and
 * OVERLAPPED pictures are laid side by side, the last pixel on the next one's first (SciPy's "constant" and "wrap"). */
enum fill_mode { FILL_CONSTANT, FILL_REFLECT, FILL_WRAP, FILL_NEAREST, FILL_OUTSIDE, FILL_OVERLAPPED };

struct picture_map {
    int64_t H, W, C, P, Q;
    int bilinear, fill_mode;
    float fill_value;
};

/* i within 0 .. n-1 as the fill mode has it; -1 for a pixel outside that has no other in its place */
static int64_t filled_place(int64_t i, int64_t n, int fill_mode) {
    if (i >= 0 && i < n) return i;
    if (fill_mode == FILL_CONSTANT) return -1;
    if (fill_mode == FILL_WRAP) return (i % n + n) % n;
    if (i < -n || i >= 2 * n) i = (i % (2 * n) + 2 * n) % (2 * n); /* reflect: d c b a | a b c d | d c b a */
    return i < 0 ? -1 - i : i < n ? i : 2 * n - 1 - i;
}

/* A coordinate outside 0 .. n-1, moved into it */
static double inner_place(double a, int64_t n, int fill_mode) {
    const double last = (double)(n - 1);
    if (fill_mode == FILL_NEAREST || last == 0) return a > last ? last : a >= 0 ? a : 0;
    if (a < 0) return a + last * (floor(-a / last) + 1);
    return a > last ? a - last * floor(a / last) : a;
}

struct picture_place {
    double column, row;
};

static inline struct picture_place place_of(const double t[6], int64_t p, int64_t q) {
    const struct picture_place a = {t[0] * (double)q + t[1] * (double)p + t[2], t[3] * (double)q + t[4] * (double)p + t[5]};
    return a;
}

static inline int is_inside(struct picture_place a, const struct picture_map *m) {
    return a.column >= 0 && a.column <= (double)(m->W - 1) && a.row >= 0 && a.row <= (double)(m->H - 1);
}

/* Where a place's value comes from: offsets of up to four pixels, -1 outside, with their weights; how many there are */
static int picture_sources(const struct picture_map *m, struct picture_place a, int64_t offset[4], float weight[4]) {
    const double far = 0x1p40; /* what is farther away, or NaN, is as far outside */
    a.column = a.column > -far ? (a.column < far ? a.column : far) : -far;
    a.row = a.row > -far ? (a.row < far ? a.row : far) : -far;
    if (m->fill_mode >= FILL_NEAREST && !is_inside(a, m)) {
        if (m->fill_mode == FILL_OUTSIDE) {
            offset[0] = -1, weight[0] = 1;
            return 1;
        }
        a.column = inner_place(a.column, m->W, m->fill_mode);
        a.row = inner_place(a.row, m->H, m->fill_mode);
    }
    const double half = m->bilinear ? 0 : 0.5, left = floor(a.column + half), top = floor(a.row + half);
    const double right_share = a.column - left, lower_share = a.row - top;
    const int count = m->bilinear ? 4 : 1, fill_mode = m->fill_mode >= FILL_NEAREST ? FILL_REFLECT : m->fill_mode;
    for (int i = 0; i < count; i++) {
        const int64_t w = filled_place((int64_t)left + i % 2, m->W, fill_mode), h = filled_place((int64_t)top + i / 2, m->H, fill_mode);
        offset[i] = w < 0 || h < 0 ? -1 : (h * m->W + w) * m->C;
        weight[i] = count == 1 ? 1 : (float)((i % 2 ? right_share : 1 - right_share) * (i / 2 ? lower_share : 1 - lower_share));
    }
    return count;
}

CG_INLINE float picture_value(const void *x, int64_t i, int bytes) {
    return bytes ? (float)((const uint8_t *)x)[i] : ((const float *)x)[i];
}

CG_INLINE quad picture_quad(const void *x, int64_t i, int bytes) {
    return bytes ? quad_load_bytes((const uint8_t *)x + i) : quad_load((const float *)x + i);
}

/* Pixels of a line whose places are computed together, without branches, in vectors */
enum { SEGMENT = 64 };

struct segment {
    int32_t inside[SEGMENT], left[SEGMENT], top[SEGMENT]; /* a picture's sides are below 2^31 */
    float weight[4][SEGMENT];
};

static void place_segment(struct segment *s, const struct picture_map *m, const double t[6], int64_t p, int64_t first, int64_t count) {
    const double right = (double)(m->W - 1), bottom = (double)(m->H - 1), half = m->bilinear ? 0 : 0.5;
    const double edge = m->fill_mode == FILL_NEAREST ? 0 : 1; /* how far outside a place may stay: not at all, or enough to be found there */
    const double column_p = t[1] * (double)p, row_p = t[4] * (double)p;
    for (int64_t i = 0; i < count; i++) {
        const double q = (double)(int32_t)(first + i);
        double column = t[0] * q + column_p + t[2], row = t[3] * q + row_p + t[5];
        column = column > -edge ? column : -edge, row = row > -edge ? row : -edge;
        column = column < right + edge ? column : right + edge, row = row < bottom + edge ? row : bottom + edge;
        s->inside[i] = (column >= 0) & (column <= right) & (row >= 0) & (row <= bottom);
        s->left[i] = (int32_t)(column + half), s->top[i] = (int32_t)(row + half); /* inside, that is the floor */
        const double right_share = column - (double)s->left[i], lower_share = row - (double)s->top[i];
        s->weight[0][i] = (float)((1 - right_share) * (1 - lower_share));
        s->weight[1][i] = (float)(right_share * (1 - lower_share));
        s->weight[2][i] = (float)((1 - right_share) * lower_share);
        s->weight[3][i] = (float)(right_share * lower_share);
    }
}

/* y[p,:] of one picture. C, bytes (or floats) and bilinear are constants where this is called: the inner loops then disappear. */
CG_INLINE void sample_line(float *to, const void *x, const struct picture_map *m, const double t[6], int64_t p, int64_t C, int bytes,
                           int bilinear) {
    struct segment s;
    for (int64_t q = 0; q < m->Q; q++, to += C) {
        const int64_t i = q % SEGMENT;
        if (i == 0) place_segment(&s, m, t, p, q, cg_min64(SEGMENT, m->Q - q));
        if (!s.inside[i]) {
            int64_t offset[4];
            float weight[4];
            const int count = picture_sources(m, place_of(t, p, q), offset, weight);
            for (int64_t c = 0; c < C; c++) {
                float value[4] = {0};
                for (int k = 0; k < count; k++) value[k] = weight[k] * (offset[k] < 0 ? m->fill_value : picture_value(x, offset[k] + c, bytes));
                to[c] = (value[0] + value[1]) + (value[2] + value[3]);
            }
            continue;
        }
        const int64_t a = (s.top[i] * m->W + s.left[i]) * C;
        if (!bilinear) {
            for (int64_t c = 0; c < C; c++) to[c] = picture_value(x, a + c, bytes);
            continue;
        }
        const int64_t b = a + (s.left[i] + 1 < m->W ? C : 0), below = s.top[i] + 1 < m->H ? m->W * C : 0;
        const float w0 = s.weight[0][i], w1 = s.weight[1][i], w2 = s.weight[2][i], w3 = s.weight[3][i];
        if (C == 3 && b + below + 4 <= m->H * m->W * C && q + 1 < m->Q) { /* the fourth value is read and written in vain */
            quad_store(to, (w0 * picture_quad(x, a, bytes) + w1 * picture_quad(x, b, bytes)) +
                               (w2 * picture_quad(x, a + below, bytes) + w3 * picture_quad(x, b + below, bytes)));
            continue;
        }
        for (int64_t c = 0; c < C; c++)
            to[c] = (w0 * picture_value(x, a + c, bytes) + w1 * picture_value(x, b + c, bytes)) +
                    (w2 * picture_value(x, a + below + c, bytes) + w3 * picture_value(x, b + below + c, bytes));
    }
}

static void sample_lines(float *to, const void *x, const struct picture_map *m, const double t[6], int64_t first, int64_t count, int bytes) {
    for (int64_t p = first; p < first + count; p++, to += m->Q * m->C) {
        if (!m->bilinear) {
            if (m->C == 3 && bytes) sample_line(to, x, m, t, p, 3, 1, 0);
            else if (m->C == 3) sample_line(to, x, m, t, p, 3, 0, 0);
            else sample_line(to, x, m, t, p, m->C, bytes, 0);
        } else if (m->C == 3) {
            if (bytes) sample_line(to, x, m, t, p, 3, 1, 1);
            else sample_line(to, x, m, t, p, 3, 0, 1);
        } else if (m->C == 1) {
            if (bytes) sample_line(to, x, m, t, p, 1, 1, 1);
            else sample_line(to, x, m, t, p, 1, 0, 1);
        } else sample_line(to, x, m, t, p, m->C, bytes, 1);
    }
}

static double picture_bytes(const struct picture_map *m, int64_t N) { return 64.0 * (double)(N * m->P) * (double)m->Q * (double)m->C; }

static void map_of(double t[6], const float *transform, int64_t n) {
    for (int i = 0; i < 6; i++) t[i] = (double)transform[6 * n + i];
}

static int CG_FN(affine_transform_forward)(float *y, const float *x, const float *transform, int64_t N, int64_t H, int64_t W, int64_t C,
                                           int64_t P, int64_t Q, int bilinear, int fill_mode, float fill_value) {
    const struct picture_map m = {H, W, C, P, Q, bilinear, fill_mode, fill_value};
    const int threads = cg_threads(0, picture_bytes(&m, N));
    CG_PARALLEL_FOR(threads)
    for (int64_t line = 0; line < N * P; line++) {
        double t[6];
        map_of(t, transform, line / P);
        sample_lines(y + line * Q * C, x + line / P * H * W * C, &m, t, line % P, 1, 0);
    }
    return CG_OK;
}

static int CG_FN(affine_transform_backward)(float *dx, const float *dy, const float *transform, int64_t N, int64_t H, int64_t W, int64_t C,
                                            int64_t P, int64_t Q, int bilinear, int fill_mode) {
    const struct picture_map m = {H, W, C, P, Q, bilinear, fill_mode, 0};
    const int threads = cg_threads(0, picture_bytes(&m, N));
    CG_PARALLEL_FOR(threads)
    for (int64_t n = 0; n < N; n++) {
        float *to = dx + n * H * W * C;
        const float *from = dy + n * P * Q * C;
        double t[6];
        map_of(t, transform, n);
        memset(to, 0, (size_t)(H * W * C) * sizeof(float));
        for (int64_t place = 0; place < P * Q; place++, from += C) {
            int64_t offset[4];
            float weight[4];
            const int count = picture_sources(&m, place_of(t, place / Q, place % Q), offset, weight);
            for (int i = 0; i < count; i++)
                for (int64_t c = 0; offset[i] >= 0 && c < C; c++) to[offset[i] + c] += weight[i] * from[c];
        }
    }
    return CG_OK;
}

CG_INLINE float within(float v, float low, float high) { return v < low ? low : v > high ? high : v; }

/* One picture's n values: shift added, within their range; multiplied by brightness (NaN: not) as bytes, for which those that are not
 * within 0 .. 255 are stretched to it and back; multiplied by scale. The fourth of four channels is opacity, and keeps its brightness. */
static void shade_picture(float *y, int64_t n, int64_t C, float shift, float brightness, float scale) {
    float low = INFINITY, high = -INFINITY;
    if (shift != 0 || brightness == brightness) {
        vf lows = vf_set(low), highs = vf_set(high);
        int64_t i = 0;
        for (; i + VLEN <= n; i += VLEN) lows = vf_min(vf_load(y + i), lows), highs = vf_max(vf_load(y + i), highs);
        for (int lane = 0; lane < VLEN; lane++) low = lows[lane] < low ? lows[lane] : low, high = highs[lane] > high ? highs[lane] : high;
        for (; i < n; i++) low = y[i] < low ? y[i] : low, high = y[i] > high ? y[i] : high;
    }
    if (shift != 0) {
        const float bottom = low, top = high;
        for (int64_t i = 0; i < n; i++) y[i] = within(y[i] + shift, bottom, top);
        low = within(low + shift, bottom, top), high = within(high + shift, bottom, top);
    }
    if (brightness == brightness) {
        const float range = high - low;
        const int stretched = low < 0 || high > 255, opacity = C == 4;
        for (int64_t i = 0; i < n; i++) {
            const float byte = truncf(!stretched ? y[i] : range != 0 ? (y[i] - low) / range * 255 : 0);
            const float value = opacity && i % 4 == 3 ? byte : truncf(within(brightness * byte, 0, 255));
            y[i] = stretched ? value / 255 * range + low : value;
        }
    }
    if (scale != 1)
        for (int64_t i = 0; i < n; i++) y[i] *= scale;
}

static int CG_FN(augment_images)(float *y, const void *x, const int64_t *index, const double *transform, const float *shading, int64_t N,
                                 int64_t H, int64_t W, int64_t C, int64_t P, int64_t Q, int bytes, int bilinear, int fill_mode,
                                 float fill_value, float scale) {
    struct picture_map m = {H, W, C, P, Q, bilinear, fill_mode, fill_value}, whole = m;
    whole.bilinear = 0;
    const int threads = cg_threads(0, picture_bytes(&m, N));
    CG_PARALLEL_FOR(threads)
    for (int64_t n = 0; n < N; n++) {
        const double *t = transform + 6 * n;
        int steps = 1; /* from pixel to pixel: what is copied, flipped or moved by whole pixels has nothing to interpolate */
        for (int i = 0; i < 6; i++) steps &= t[i] == floor(t[i]);
        const int64_t from = (index ? index[n] : n) * H * W * C, size = P * Q * C;
        sample_lines(y + n * size, (const char *)x + from * (bytes ? 1 : 4), steps ? &whole : &m, t, 0, P, bytes);
        shade_picture(y + n * size, size, C, shading ? shading[2 * n] : 0, shading ? shading[2 * n + 1] : NAN, scale);
    }
    return CG_OK;
}
