/* ctc.c: connectionist temporal classification (Graves et al. 2006), from log probabilities.
 *
 * A sample's states are its labels with a blank before, between and after: 2 l + 1 of them. A path starts in one of the first two, ends in one
 * of the last two, and at each frame stays, goes to the next state, or skips a blank between two labels that differ. Here sums over
 * paths run frame by frame, all states side by side in vectors, one sample a thread. Each frame's log sums are kept less their maximum, whose
 * total is in double precision: after a thousand frames a float would have no digits left for the differences between states. */

#define IMPOSSIBLE -1e30f /* log 0: no infinity, so that no difference is NaN */

/* Of one sample, in rows of width floats: what a frame emits in each state, what it costs to come from two states before, and two frames. Rows of
 * frames have room for two states before the first and a vector behind the last, all impossible. */
struct ctc_rows { float *emitted, *skip, *row, *next; };
enum { CTC_LEAD = 16 };
static int64_t ctc_width(int64_t L) { return cg_ceil_div(2 * L + 1, 16) * 16 + 3 * CTC_LEAD; }

static struct ctc_rows ctc_begin(float *scratch, int64_t width, const int32_t *labels, int64_t length, int backward) {
    struct ctc_rows rows = {scratch, scratch + width, scratch + 2 * width + CTC_LEAD, scratch + 3 * width + CTC_LEAD};
    for (int64_t i = 0; i < 4 * width; i++) scratch[i] = IMPOSSIBLE;
    for (int64_t i = 1; i < length; i++) /* into label i, or, backward, out of label i - 1 */
        if (labels[i] != labels[i - 1]) rows.skip[2 * (backward ? i - 1 : i) + 1] = 0;
    return rows;
}

/* What frame y[K] emits in each of the states */
static void ctc_emit(float *emitted, const float *y, const int32_t *labels, int64_t length, int blank) {
    const float silence = y[blank] < IMPOSSIBLE ? IMPOSSIBLE : y[blank];
    for (int64_t i = 0; i < length; i++) {
        const float label = y[labels[i]];
        emitted[2 * i] = silence;
        emitted[2 * i + 1] = label < IMPOSSIBLE ? IMPOSSIBLE : label;
    }
    emitted[2 * length] = silence;
}

CG_INLINE vf ctc_sum(vf a, vf b, vf c) {
    vf m = vf_max(vf_max(a, b), c);
    return m + vf_log(vf_exp(a - m) + vf_exp(b - m) + vf_exp(c - m));
}

/* Takes the maximum from a row of states and gives it; what is impossible stays so. */
static float ctc_level(float *row, int64_t states) {
    float max = row[0];
    for (int64_t s = 1; s < states; s++) max = row[s] > max ? row[s] : max;
    for (int64_t s = 0; s < states; s += VLEN) vf_store_upto(row + s, vf_max(vf_set(IMPOSSIBLE), vf_load(row + s) - max), states - s);
    return max;
}

/* Sample by sample */
struct ctc_job {
    const float *y;
    const int32_t *labels;
    int64_t length, frames, states, T, K;
    int blank;
};

static float ctc_forward_sample(float *alpha, const struct ctc_job *job, struct ctc_rows rows, int64_t S) {
    const int64_t states = job->states;
    double total = 0;
    for (int64_t i = 0; i < job->T * S; i++) alpha[i] = IMPOSSIBLE;
    for (int64_t t = 0; t < job->frames; t++) {
        ctc_emit(rows.emitted, job->y + t * job->K, job->labels, job->length, job->blank);
        if (t == 0) {
            for (int64_t s = 0; s < cg_min64(2, states); s++) rows.row[s] = rows.emitted[s];
        } else {
            for (int64_t s = 0; s < states; s += VLEN) {
                vf sum = ctc_sum(vf_load(rows.row + s), vf_load(rows.row + s - 1), vf_load(rows.row + s - 2) + vf_load(rows.skip + s));
                vf_store_upto(rows.next + s, vf_load(rows.emitted + s) + sum, states - s);
            }
            float *row = rows.row;
            rows.row = rows.next;
            rows.next = row;
        }
        total += ctc_level(rows.row, states);
        memcpy(alpha + t * S, rows.row, (size_t)states * sizeof(float));
    }
    if (job->frames == 0) return job->length ? INFINITY : 0;
    const float *row = rows.row; /* the paths that end where they must; two of these states, or one where there are no labels */
    const vf end = ctc_sum(vf_set(row[states - 1]), vf_set(job->length ? row[states - 2] : IMPOSSIBLE), vf_set(IMPOSSIBLE));
    return end[0] < IMPOSSIBLE / 10 || total < IMPOSSIBLE / 10 ? INFINITY : (float)-(total + end[0]);
}

static int ctc_valid(const int32_t *labels, const int32_t *label_length, const int32_t *frames, int64_t N, int64_t T, int64_t K, int64_t L,
                     int blank) {
    int outside = blank < 0 || blank >= K;
    for (int64_t n = 0; n < N; n++) {
        outside |= label_length[n] < 0 || label_length[n] > L || frames[n] < 0 || frames[n] > T;
        for (int64_t i = 0; !outside && i < label_length[n]; i++) outside |= labels[n * L + i] < 0 || labels[n * L + i] >= K;
    }
    return !outside;
}

static int CG_FN(ctc_forward)(float *loss, float *alpha, const float *y, const int32_t *labels, const int32_t *label_length,
                              const int32_t *frames, int64_t N, int64_t T, int64_t K, int64_t L, int blank) {
    if (!ctc_valid(labels, label_length, frames, N, T, K, L, blank)) return CG_EINDEX;
    const int64_t S = 2 * L + 1, width = ctc_width(L), bytes = cg_max64(N, 1) * 4 * width * (int64_t)sizeof(float);
    const int threads = cg_threads(60.0 * N * T * S, 8.0 * N * T * S);
    float *scratch = cg_alloc(bytes);
    if (!scratch) return CG_ENOMEM;
    CG_PARALLEL_FOR(threads)
    for (int64_t n = 0; n < N; n++) {
        const int64_t length = label_length[n];
        const struct ctc_job job = {y + n * T * K, labels + n * L, length, frames[n], 2 * length + 1, T, K, blank};
        struct ctc_rows rows = ctc_begin(scratch + n * 4 * width, width, job.labels, length, 0);
        loss[n] = ctc_forward_sample(alpha + n * T * S, &job, rows, S);
    }
    cg_free(scratch, bytes);
    return CG_OK;
}

/* rows.row is beta: the paths from a state at frame t to the end, without what frame t emits */
static void ctc_backward_sample(float *dy, float dloss, const float *alpha, const struct ctc_job *job, struct ctc_rows rows, int64_t S) {
    const int64_t states = job->states, K = job->K;
    for (int64_t s = cg_max64(0, states - 2); s < states; s++) rows.row[s] = 0;
    for (int64_t t = job->frames - 1; t >= 0; t--) {
        float *share = rows.next, max; /* of all paths, those that are in a state at frame t */
        for (int64_t s = 0; s < states; s += VLEN)
            vf_store_upto(share + s, vf_load(rows.row + s) + vf_load_upto(alpha + t * S + s, states - s), states - s);
        softmax_row(share, share, states, &max);
        for (int64_t s = 0; s < states; s++) dy[t * K + (s % 2 ? job->labels[s / 2] : job->blank)] -= share[s] * dloss;
        if (t == 0) break;
        ctc_emit(rows.emitted, job->y + t * K, job->labels, job->length, job->blank);
        for (int64_t s = 0; s < states; s += VLEN)
            vf_store_upto(rows.row + s, vf_load(rows.row + s) + vf_load(rows.emitted + s), states - s);
        for (int64_t s = 0; s < states; s += VLEN) {
            vf sum = ctc_sum(vf_load(rows.row + s), vf_load(rows.row + s + 1), vf_load(rows.row + s + 2) + vf_load(rows.skip + s));
            vf_store_upto(rows.next + s, sum, states - s);
        }
        float *row = rows.row;
        rows.row = rows.next;
        rows.next = row;
        ctc_level(rows.row, states);
    }
}

static int CG_FN(ctc_backward)(float *dy, const float *dloss, const float *loss, const float *alpha, const float *y, const int32_t *labels,
                               const int32_t *label_length, const int32_t *frames, int64_t N, int64_t T, int64_t K, int64_t L,
                               int blank) {
    if (!ctc_valid(labels, label_length, frames, N, T, K, L, blank)) return CG_EINDEX;
    const int64_t S = 2 * L + 1, width = ctc_width(L), bytes = cg_max64(N, 1) * 4 * width * (int64_t)sizeof(float);
    double sum = 0, longest = 0; /* frames by states, of the sequences that have a path, and so a gradient */
    for (int64_t n = 0; n < N; n++) {
        const double work = loss[n] < INFINITY ? (double)frames[n] * (2 * label_length[n] + 1) : 0;
        sum += work;
        longest = longest > work ? longest : work;
    }
    /* A second thread brings no more than what is left beside the longest, and has to fetch a sequence from the first one's core. */
    const int threads = sum - longest < sum / 8 ? 1 : cg_threads(90.0 * sum, 8.0 * sum);
    float *scratch = cg_alloc(bytes);
    if (!scratch) return CG_ENOMEM;
    CG_PARALLEL_FOR(threads)
    for (int64_t n = 0; n < N; n++) {
        const int64_t length = label_length[n];
        const struct ctc_job job = {y + n * T * K, labels + n * L, length, frames[n], 2 * length + 1, T, K, blank};
        struct ctc_rows rows = ctc_begin(scratch + n * 4 * width, width, job.labels, length, 1);
        memset(dy + n * T * K, 0, (size_t)(T * K) * sizeof(float));
        if (loss[n] < INFINITY) ctc_backward_sample(dy + n * T * K, dloss[n], alpha + n * T * S, &job, rows, S);
    }
    cg_free(scratch, bytes);
    return CG_OK;
}
#undef IMPOSSIBLE
