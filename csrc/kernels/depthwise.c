/* depthwise.c: convolution of each channel by itself, forward and both gradients; conv2d.c hands over to it where groups = C.
 *
 * There is no sum over channels, so a vector runs over neighbouring channels, and a product meets one value of x: 18 flops for 8 bytes of a
 * 3x3 window, which is the memory's limit and not arithmetic's. Everything is read in place: rows of the window stay in cache from one row of
 * outputs to the next, and what lies outside x is left out rather than padded.
 *
 *   forward           out y    in x    taps (r, s) from a pixel of y to one of x: p*stride - pad + r*dilation
 *   backward_input    out dx   in dy   the same taps from the other side: those whose (h + pad - r*dilation) / stride is a whole number
 *   backward_kernel   sums over the pixels of dy for some taps of a kernel row at a time
 *
 * Along an axis the taps of an output are an arithmetic progression, and those of outputs a stride apart are the same but for the
 * ends: some of them are computed at a time in registers, where an input that several of them meet is loaded once. An output starts at its bias
 * and adds its taps in order, whatever its neighbours.
 *
 * Several filters a channel: x is repeated so that each filter has a channel of its own. */

/* The sizes of a convolution; conv2d.c's as well */
struct conv {
    int64_t N, H, W, C, F, R, S, P, Q, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w, groups;
    const struct epilogue *epilogue; /* NULL: none */
};

enum {
    MOST_PIXELS = 4,     /* outputs in registers, each of */
    CHANNEL_VECTORS = 2, /* so many vectors: eight sums hide the multiply-adds' latency */
    BLOCK_CHANNELS = 128, /* whose rows of the window stay in the second-level cache, and kernel values in the first */
    SHARED_TAPS = 3,     /* of a kernel row that share the inputs they load, which with the sums fills sixteen registers, */
    SHARING_PIXELS = 3,  /* for at least so many pixels; */
    AHEAD_FLOATS = 512,  /* and so far ahead inputs are asked for, unless a stretch alone is that long */
    MOST_TAPS = 4,       /* of a kernel row that backward_kernel adds up at once */
    KERNEL_PARTS = 32    /* of backward_kernel's sums, at most */
};

/* ---- taps along an axis ---- */

struct axis {
    int64_t outputs, inputs, window, stride, pad, dilation;
    int back;                /* out is the convolution's input */
    int64_t tap_step, input_step; /* from one tap of an output to the next, and what that does to the input */
    int64_t phases, advance;      /* from an output to the next of the same phase, and the same */
};

static int64_t common_divisor(int64_t a, int64_t b) { return b ? common_divisor(b, a % b) : a; }

static struct axis make_axis(int64_t outputs, int64_t inputs, int64_t window, int64_t stride, int64_t pad, int64_t dilation, int back) {
    const int64_t common = common_divisor(stride, dilation);
    struct axis a = {outputs, inputs, window, stride, pad, dilation, back, 1, dilation, 1, stride};
    if (back) a.tap_step = stride / common, a.input_step = -(dilation / common), a.phases = stride, a.advance = 1;
    return a;
}

struct taps { int64_t count, first, input; }; /* the first tap and the input it reads */

static struct taps find_taps(const struct axis *a, int64_t output) {
    struct taps t = {0, 0, 0};
    for (int64_t r = 0; r < a->window; r++) {
        int64_t input = output * a->stride - a->pad + r * a->dilation;
        if (a->back) {
            const int64_t scaled = output + a->pad - r * a->dilation;
            input = scaled >= 0 && scaled % a->stride == 0 ? scaled / a->stride : -1;
        }
        if (input < 0 || input >= a->inputs) continue;
        if (!t.count++) t.first = r, t.input = input;
    }
    return t;
}

/* Outputs first, first + phases, ...; taps of them all, of which output i has those from low[i] to high[i] - 1 */
struct stretch {
    int64_t first, pixels;
    struct taps taps; /* input: what the first output's first tap would read, be it inside or not */
    int64_t low[MOST_PIXELS], high[MOST_PIXELS];
    int whole; /* every output has every tap */
};

static struct stretch find_stretch(const struct axis *a, int64_t first, int64_t pixels) {
    struct stretch s = {.first = first, .pixels = pixels, .taps.first = a->window, .whole = 1};
    struct taps own[MOST_PIXELS];
    for (int64_t i = 0; i < pixels; i++) {
        own[i] = find_taps(a, first + i * a->phases);
        if (own[i].count) s.taps.first = cg_min64(s.taps.first, own[i].first);
    }
    for (int64_t i = 0; i < pixels; i++) {
        if (!own[i].count) continue;
        s.low[i] = (own[i].first - s.taps.first) / a->tap_step;
        s.high[i] = s.low[i] + own[i].count;
        s.taps.count = cg_max64(s.taps.count, s.high[i]);
        s.taps.input = own[i].input - i * a->advance - s.low[i] * a->input_step;
    }
    for (int64_t i = 0; i < pixels; i++) s.whole &= s.low[i] == 0 && s.high[i] == s.taps.count;
    return s;
}

/* Outputs first .. end-1 of a phase in as few stretches as can be, of nearly equal lengths; returns how many there are. */
static int64_t cut(struct stretch *stretches, const struct axis *a, int64_t phase, int64_t first, int64_t end) {
    const int64_t outputs = end - first, count = cg_ceil_div(outputs, MOST_PIXELS);
    for (int64_t i = 0; i < count; i++) {
        const int64_t from = first + outputs * i / count, to = first + outputs * (i + 1) / count;
        stretches[i] = find_stretch(a, phase + from * a->phases, to - from);
    }
    return count;
}

/* All outputs of an axis, phase by phase, in stretches[outputs]; returns how many there are. Those with all taps are cut by themselves where they
 * are many, so that their stretches can share inputs. */
static int64_t find_stretches(struct stretch *stretches, const struct axis *a) {
    int64_t n = 0;
    for (int64_t phase = 0; phase < cg_min64(a->phases, a->outputs); phase++) {
        const int64_t outputs = cg_ceil_div(a->outputs - phase, a->phases), most = find_taps(a, phase + outputs / 2 * a->phases).count;
        int64_t first = 0, end = outputs;
        while (first < outputs && find_taps(a, phase + first * a->phases).count < most) first++;
        while (end > first && find_taps(a, phase + (end - 1) * a->phases).count < most) end--;
        if (most < SHARED_TAPS || end - first < 2 * MOST_PIXELS) first = 0, end = outputs;
        n += cut(stretches + n, a, phase, 0, first);
        n += cut(stretches + n, a, phase, first, end);
        n += cut(stretches + n, a, phase, end, outputs);
    }
    return n;
}

/* ---- forward and backward_input ---- */

/* How far apart in memory: outputs of a stretch and the inputs they begin at; rows of taps, and taps of a row, in the input and in the kernel */
struct strides {
    int64_t out, in;
    int64_t rows, in_row, kernel_row;
    int64_t columns, in_column, kernel_column;
};

/* m pixels by v vectors, the last of which has n lanes; m, v and whole constant. start NULL: 0 */
CG_INLINE void add_taps(float *out, const float *in, const float *kernel, const float *start, const struct strides *t,
                        const struct stretch *ends, const int m, const int v, const int whole, int64_t n) {
    vf sum[MOST_PIXELS][CHANNEL_VECTORS];
    CG_UNROLL
    for (int j = 0; j < v; j++) {
        vf from = start ? vf_load_upto(start + j * VLEN, n) : vf_set(0);
        CG_UNROLL
        for (int i = 0; i < m; i++) sum[i][j] = from;
    }
    const int64_t columns = t->columns, in_column = t->in_column, kernel_column = t->kernel_column, pixel = t->in;
    for (int64_t r = 0; r < t->rows; r++) {
        const float *x = in + r * t->in_row, *k = kernel + r * t->kernel_row;
        for (int64_t s = 0; s < columns; s++, x += in_column, k += kernel_column) {
            CG_UNROLL
            for (int j = 0; j < v; j++) {
                const vf weight = vf_load_upto(k + j * VLEN, n);
                CG_UNROLL
                for (int i = 0; i < m; i++)
                    if (whole || (ends->low[i] <= s && s < ends->high[i]))
                        sum[i][j] = vf_fma(vf_load_upto(x + i * pixel + j * VLEN, n), weight, sum[i][j]);
            }
        }
    }
    CG_UNROLL
    for (int i = 0; i < m; i++) {
        CG_UNROLL
        for (int j = 0; j < v; j++) vf_store_upto(out + i * t->out + j * VLEN, sum[i][j], n);
    }
}

/* The same for channels channels, two vectors, one, or a part of one, in a function for each m: there are registers for its pointers, which
 * there were not where all were inlined in one place. */
typedef void pixels_function(float *out, const float *in, const float *kernel, const float *start, const struct strides *t,
                             const struct stretch *ends, int64_t channels);
#define ADD_TAPS(m)                                                                                                                      \
    static __attribute__((noinline)) void add_taps_##m(float *out, const float *in, const float *kernel, const float *start,            \
                                                       const struct strides *t, const struct stretch *ends, int64_t channels) {         \
        if (channels == 2 * VLEN && ends->whole) add_taps(out, in, kernel, start, t, ends, m, 2, 1, VLEN);                               \
        else if (channels == 2 * VLEN) add_taps(out, in, kernel, start, t, ends, m, 2, 0, VLEN);                                         \
        else if (channels == VLEN) add_taps(out, in, kernel, start, t, ends, m, 1, 0, VLEN);                                             \
        else add_taps(out, in, kernel, start, t, ends, m, 1, 0, channels);                                                               \
    }
ADD_TAPS(1) ADD_TAPS(2) ADD_TAPS(3) ADD_TAPS(4)
static pixels_function *const add_taps_of[] = {add_taps_1, add_taps_2, add_taps_3, add_taps_4};

/* sum[i] += x[i * apart + s] tap[s] for m pixels by two vectors and some taps of a row; m, taps and apart constant */
CG_INLINE void share_inputs(vf sum[][CHANNEL_VECTORS], const float *x, const float *kernel, const struct strides *t, const int m, const int taps,
                            const int apart) {
    vf tap[SHARED_TAPS][CHANNEL_VECTORS];
    CG_UNROLL
    for (int s = 0; s < taps; s++, kernel += t->kernel_column) {
        CG_UNROLL
        for (int j = 0; j < CHANNEL_VECTORS; j++) tap[s][j] = vf_load(kernel + j * VLEN);
    }
    CG_UNROLL
    for (int at = 0; at < (m - 1) * apart + taps; at++, x = pointer_register(x + t->in_column)) {
        CG_UNROLL
        for (int j = 0; j < CHANNEL_VECTORS; j++) {
            const vf v = vf_register(vf_load(x + j * VLEN));
            CG_UNROLL
            for (int s = 0; s < taps; s++) {
                const int i = (at - s) / apart;
                if (at >= s && (at - s) % apart == 0 && i < m) sum[i][j] = vf_fma(v, tap[s][j], sum[i][j]);
            }
        }
    }
}

/* add_taps for a stretch with all its taps and two vectors, whose pixels begin `apart` taps apart. The row of inputs that comes from memory is
 * asked for, because each is loaded once, which the hardware does not learn enough from. */
CG_INLINE void add_shared(float *out, const float *in, const float *kernel, const float *start, const struct strides *t, const int m,
                          const int apart) {
    vf sum[MOST_PIXELS][CHANNEL_VECTORS];
    CG_UNROLL
    for (int j = 0; j < CHANNEL_VECTORS; j++) {
        const vf from = start ? vf_load(start + j * VLEN) : vf_set(0);
        CG_UNROLL
        for (int i = 0; i < m; i++) sum[i][j] = from;
    }
    if (m * (t->in < 0 ? -t->in : t->in) <= AHEAD_FLOATS) {
        const float *newest = in + (t->in_row > 0 ? (t->rows - 1) * t->in_row : 0) + AHEAD_FLOATS;
        CG_UNROLL
        for (int i = 0; i < m; i++) {
            for (int j = 0; j < CHANNEL_VECTORS * VLEN; j += 16) __builtin_prefetch(newest + i * t->in + j);
        }
    }
    for (int64_t r = 0; r < t->rows; r++) {
        const float *x = in + r * t->in_row, *k = kernel + r * t->kernel_row;
        int64_t left = t->columns;
        for (; left >= SHARED_TAPS; left -= SHARED_TAPS, x += SHARED_TAPS * t->in_column, k += SHARED_TAPS * t->kernel_column)
            share_inputs(sum, x, k, t, m, SHARED_TAPS, apart);
        if (left == 2) share_inputs(sum, x, k, t, m, 2, apart);
        else if (left) share_inputs(sum, x, k, t, m, 1, apart);
    }
    CG_UNROLL
    for (int i = 0; i < m; i++) {
        CG_UNROLL
        for (int j = 0; j < CHANNEL_VECTORS; j++) vf_store(out + i * t->out + j * VLEN, sum[i][j]);
    }
}
#define ADD_SHARED(m, apart)                                                                                                             \
    static __attribute__((noinline)) void add_shared_##m##_##apart(float *out, const float *in, const float *kernel, const float *start, \
                                                                   const struct strides *t) {                                            \
        add_shared(out, in, kernel, start, t, m, apart);                                                                                 \
    }
ADD_SHARED(3, 1) ADD_SHARED(3, 2) ADD_SHARED(4, 1) ADD_SHARED(4, 2)
static void (*const add_shared_of[][2])(float *, const float *, const float *, const float *, const struct strides *) = {
    {add_shared_3_1, add_shared_3_2}, {add_shared_4_1, add_shared_4_2}};

/* Channels that are computed together of those that are left */
static inline int64_t channels_of(int64_t left) {
    return left >= CHANNEL_VECTORS * VLEN ? CHANNEL_VECTORS * VLEN : left >= VLEN ? VLEN : left;
}

/* One pass over the images */
struct depthwise {
    float *out;
    const float *in, *kernel, *bias;
    int64_t C;
    struct axis rows, columns;
    const struct stretch *stretches;
    int64_t count; /* of stretches */
    int activation;
    const struct epilogue *epilogue;
};

/* Channels first .. end-1 of row o of image n, whose taps are r. All channels of some pixels come before the next pixels: memory is read in
 * the order in which it lies. */
static void depthwise_row(const struct depthwise *d, int64_t n, int64_t o, struct taps r, int64_t first, int64_t end) {
    const struct axis *rows = &d->rows, *columns = &d->columns;
    const int64_t C = d->C, in_row = columns->inputs * C, kernel_row = columns->window * C;
    float *out = d->out + (n * rows->outputs + o) * columns->outputs * C;
    const float *in = d->in + (n * rows->inputs + r.input) * in_row;
    struct strides t = {.out = columns->phases * C, .in = columns->advance * C};
    t.rows = r.count, t.in_row = rows->input_step * in_row, t.kernel_row = rows->tap_step * kernel_row;
    t.in_column = columns->input_step * C, t.kernel_column = columns->tap_step * C;
    struct strides along = t; /* the pixels from the last one where taps run backwards, so that both go the same way */
    if (t.in_column < 0) along.out = -t.out, along.in = -t.in;
    const int apart = along.in == t.in_column ? 1 : along.in == 2 * t.in_column ? 2 : 0;
    for (int64_t i = 0; i < d->count; i++) {
        const struct stretch *s = d->stretches + i;
        const int sharing = s->whole && s->pixels >= SHARING_PIXELS && s->taps.count >= SHARED_TAPS ? apart : 0;
        const int64_t last = t.in_column < 0 ? s->pixels - 1 : 0; /* where `along` begins */
        t.columns = along.columns = s->taps.count;
        for (int64_t c = first, channels; c < end; c += channels) {
            channels = channels_of(end - c);
            float *to = out + s->first * C + c;
            const float *from = in + s->taps.input * C + c, *start = d->bias ? d->bias + c : NULL;
            const float *k = d->kernel + r.first * kernel_row + s->taps.first * C + c;
            if (sharing && channels == CHANNEL_VECTORS * VLEN)
                add_shared_of[s->pixels - SHARING_PIXELS][sharing - 1](to + last * t.out, from + last * t.in, k, start, &along);
            else
                add_taps_of[s->pixels - 1](to, from, k, start, &t, s, channels);
            if (d->activation != CG_LINEAR) activate_rows(to, s->pixels, channels, t.out, d->activation);
            finish_rows(d->epilogue, to, s->pixels, channels, t.out, c);
        }
    }
}

/* The threads that a pass deserves */
static int pass_threads(const struct depthwise *d, int64_t N) {
    const double outputs = (double)N * d->rows.outputs * d->columns.outputs * d->C, inputs = (double)N * d->rows.inputs * d->columns.inputs * d->C;
    const double windows = d->rows.back ? inputs : outputs;
    return cg_threads(2 * windows * d->rows.window * d->columns.window, 4 * (outputs + inputs));
}

static int depthwise_pass(struct depthwise *d, int64_t N) {
    const size_t bytes = (size_t)d->columns.outputs * sizeof(struct stretch);
    struct stretch *stretches = cg_alloc(bytes);
    if (!stretches) return CG_ENOMEM;
    d->count = find_stretches(stretches, &d->columns);
    d->stretches = stretches;
    const int threads = pass_threads(d, N);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < N * d->rows.outputs; i++) {
        const int64_t n = i / d->rows.outputs, o = i % d->rows.outputs;
        const struct taps r = find_taps(&d->rows, o);
        for (int64_t c = 0; c < d->C; c += BLOCK_CHANNELS)
            depthwise_row(d, n, o, r, c, cg_min64(c + BLOCK_CHANNELS, d->C));
    }
    cg_free(stretches, bytes);
    return CG_OK;
}

/* ---- several filters a channel ---- */

static int is_depthwise(const struct conv *c) { return c->groups > 1 && c->groups == c->C; }

/* x[pixels, C] with each channel F / C times, as the filters need it: x itself where that is once, else a copy, to be freed by bytes */
struct repeated {
    const float *x;
    float *copy;
    size_t bytes;
};

static int repeat_channels(struct repeated *r, const struct conv *c, const float *x) {
    const int64_t pixels = c->N * c->H * c->W, times = c->F / c->C;
    *r = (struct repeated){x, NULL, (size_t)(pixels * c->F) * sizeof *x};
    if (times == 1) return CG_OK;
    if (!(r->copy = cg_alloc(r->bytes))) return CG_ENOMEM;
    r->x = r->copy;
    const int threads = cg_threads(0, 2.0 * (double)r->bytes);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < pixels; i++)
        for (int64_t f = 0; f < c->F; f++) r->copy[i * c->F + f] = x[i * c->C + f / times];
    return CG_OK;
}

static int depthwise_forward(const struct conv *c, float *y, const float *x, const float *kernel, const float *bias, int activation) {
    struct repeated r;
    int status = repeat_channels(&r, c, x);
    struct depthwise d = {.out = y, .in = r.x, .kernel = kernel, .bias = bias, .C = c->F, .activation = activation,
                          .epilogue = c->epilogue};
    d.rows = make_axis(c->P, c->H, c->R, c->stride_h, c->pad_top, c->dilation_h, 0);
    d.columns = make_axis(c->Q, c->W, c->S, c->stride_w, c->pad_left, c->dilation_w, 0);
    if (!status) status = depthwise_pass(&d, c->N);
    cg_free(r.copy, r.bytes);
    return status;
}

static int depthwise_backward_input(const struct conv *c, float *dx, const float *dy, const float *kernel) {
    const int64_t pixels = c->N * c->H * c->W, times = c->F / c->C;
    const size_t bytes = (size_t)(pixels * c->F) * sizeof *dx;
    float *each = times > 1 ? cg_alloc(bytes) : dx; /* one gradient a filter */
    if (!each) return CG_ENOMEM;
    struct depthwise d = {.out = each, .in = dy, .kernel = kernel, .C = c->F, .activation = CG_LINEAR};
    d.rows = make_axis(c->H, c->P, c->R, c->stride_h, c->pad_top, c->dilation_h, 1);
    d.columns = make_axis(c->W, c->Q, c->S, c->stride_w, c->pad_left, c->dilation_w, 1);
    const int status = depthwise_pass(&d, c->N);
    if (times == 1) return status;
    const int threads = cg_threads(0, 2.0 * (double)bytes);
    CG_PARALLEL_FOR(threads)
    for (int64_t i = 0; i < (status ? 0 : pixels * c->C); i++) {
        float sum = each[i * times];
        for (int64_t j = 1; j < times; j++) sum += each[i * times + j];
        dx[i] = sum;
    }
    cg_free(each, bytes);
    return status;
}

/* ---- backward_kernel ---- */

/* Some taps of a kernel row along a row of dy: tap i reads inside x for the outputs low[i] .. high[i] - 1 */
struct tap_rows {
    int64_t low[MOST_TAPS], high[MOST_TAPS];
    int64_t C, x_pixel, x_tap; /* floats from one pixel of dy to the next; in x; from one tap to the next in x */
};

/* Adds dy x to the sums of m taps by v vectors, taps C apart. dy and x point at output 0 and at what its first tap would read. */
CG_INLINE void sum_taps(float *sums, const float *dy, const float *x, const struct tap_rows *t, const int m, const int v, int64_t n) {
    const int64_t C = t->C, x_pixel = t->x_pixel, x_tap = t->x_tap;
    vf sum[MOST_TAPS][CHANNEL_VECTORS];
    CG_UNROLL
    for (int i = 0; i < m; i++) {
        CG_UNROLL
        for (int j = 0; j < v; j++) sum[i][j] = vf_load_upto(sums + i * C + j * VLEN, n);
    }
    /* The reach of a tap begins and ends earlier than that of the tap before: all reach first .. last - 1. */
    const int64_t begin = t->low[m - 1], end = t->high[0], first = t->low[0], last = t->high[m - 1];
    for (int64_t q = begin; q < end; q++) {
        const float *d = dy + q * C, *at = x + q * x_pixel;
        const int all = first <= q && q < last;
        CG_UNROLL
        for (int j = 0; j < v; j++) {
            const vf from = vf_load_upto(d + j * VLEN, n);
            CG_UNROLL
            for (int i = 0; i < m; i++)
                if (all || (t->low[i] <= q && q < t->high[i])) sum[i][j] = vf_fma(vf_load_upto(at + i * x_tap + j * VLEN, n), from, sum[i][j]);
        }
    }
    CG_UNROLL
    for (int i = 0; i < m; i++) {
        CG_UNROLL
        for (int j = 0; j < v; j++) vf_store_upto(sums + i * C + j * VLEN, sum[i][j], n);
    }
}

CG_INLINE void sum_taps_of(float *sums, const float *dy, const float *x, const struct tap_rows *t, const int m, int64_t channels) {
    if (channels == 2 * VLEN) sum_taps(sums, dy, x, t, m, 2, VLEN);
    else if (channels == VLEN) sum_taps(sums, dy, x, t, m, 1, VLEN);
    else sum_taps(sums, dy, x, t, m, 1, channels);
}

/* Adds what a row of dy and the row of x under kernel row r give to that row's sums[S,F]; all point at channel f of their first pixel. */
static void kernel_row_sums(const struct conv *c, float *sums, const float *dy, const float *x, int64_t channels) {
    struct tap_rows t = {.C = c->F, .x_pixel = c->stride_w * c->F, .x_tap = c->dilation_w * c->F};
    const int64_t groups = cg_ceil_div(c->S, MOST_TAPS);
    for (int64_t g = 0; g < groups; g++) {
        const int64_t first = c->S * g / groups, m = c->S * (g + 1) / groups - first;
        for (int64_t i = 0; i < m; i++) {
            const int64_t shift = c->pad_left - (first + i) * c->dilation_w, room = c->W + shift; /* 0 <= q*stride - shift < W */
            t.low[i] = shift > 0 ? cg_ceil_div(shift, c->stride_w) : 0;
            t.high[i] = room > 0 ? cg_min64(c->Q, cg_ceil_div(room, c->stride_w)) : 0;
        }
        float *to = sums + first * c->F;
        const float *from = x + first * t.x_tap - c->pad_left * c->F;
        switch (m) {
        case 4: sum_taps_of(to, dy, from, &t, 4, channels); break;
        case 3: sum_taps_of(to, dy, from, &t, 3, channels); break;
        case 2: sum_taps_of(to, dy, from, &t, 2, channels); break;
        default: sum_taps_of(to, dy, from, &t, 1, channels);
        }
    }
}

/* Sums over parts of the rows of dy, [parts, R, S, F]; their number follows from the sizes. */
static int64_t kernel_parts(const struct conv *c) {
    const double flops = 2.0 * c->N * c->P * c->Q * c->R * c->S * c->F;
    return cg_max64(1, cg_min64(cg_min64(KERNEL_PARTS, c->N * c->P), (int64_t)(flops / 1e6)));
}

static int depthwise_backward_kernel(const struct conv *c, float *dkernel, const float *dy, const float *x) {
    const int64_t C = c->F, size = c->R * c->S * C, lines = c->N * c->P, parts = kernel_parts(c);
    const size_t bytes = (size_t)(parts * size) * sizeof(float);
    const struct axis axis = make_axis(c->P, c->H, c->R, c->stride_h, c->pad_top, c->dilation_h, 0);
    struct repeated repeated;
    int status = repeat_channels(&repeated, c, x);
    float *sums = cg_alloc(bytes);
    if (!sums) status = CG_ENOMEM;
    const int threads = cg_threads(2.0 * lines * c->Q * size, 4.0 * c->N * (c->H * c->W * c->C + c->P * c->Q * C));
    CG_PARALLEL_FOR(threads)
    for (int64_t part = 0; part < (status ? 0 : parts); part++) {
        float *to = sums + part * size;
        memset(to, 0, (size_t)size * sizeof *to);
        for (int64_t line = lines * part / parts; line < lines * (part + 1) / parts; line++) {
            const struct taps rows = find_taps(&axis, line % c->P);
            for (int64_t f = 0, channels; f < C; f += channels) {
                channels = channels_of(C - f);
                for (int64_t i = 0; i < rows.count; i++) {
                    const float *row = repeated.x + (line / c->P * c->H + rows.input + i * c->dilation_h) * c->W * C + f;
                    kernel_row_sums(c, to + (rows.first + i) * c->S * C + f, dy + line * c->Q * C + f, row, channels);
                }
            }
        }
    }
    if (!status) column_sums(dkernel, sums, parts, size, size);
    cg_free(sums, bytes);
    cg_free(repeated.copy, repeated.bytes);
    return status;
}
