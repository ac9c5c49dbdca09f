/* lstm.c: a step of the LSTM and its gradient, for recurrent.c: gates i, f, g, o of z; c' = f c + i g; h' = o activation(c') */

CG_INLINE void lstm_gates(const struct sequence *q, const struct states *b, float *z, int64_t j, int64_t w, const int usual) {
    const int64_t U = q->U, z_row = q->T * 4 * U;
    for (int64_t i = 0; i < b->count; i++) {
        for (int64_t u = j; u < j + w; u += VLEN) {
            const int64_t left = j + w - u, at = i * b->row + u;
            float *to = z + i * z_row + u;
            vf in = GATE(vf_load_upto(to, left)), forget = GATE(vf_load_upto(to + U, left));
            vf new = STATE(vf_load_upto(to + 2 * U, left)), out = GATE(vf_load_upto(to + 3 * U, left));
            vf c = vf_fma(forget, vf_load_upto(b->c + at, left), in * new);
            vf_store_upto(to, in, left);
            vf_store_upto(to + U, forget, left);
            vf_store_upto(to + 2 * U, new, left);
            vf_store_upto(to + 3 * U, out, left);
            vf_store_upto(b->next_c + at, c, left);
            vf_store_upto(b->next_h + at, out * STATE(c), left);
        }
    }
}

static void lstm_step(const struct recurrence *f, const struct states *b, int64_t t) {
    const struct sequence *q = &f->q;
    const int64_t U = q->U, z_row = q->T * 4 * U;
    float *z = f->z + (b->n * q->T + t) * 4 * U;
    for (int64_t j = 0; j < U; j += q->width) {
        const int64_t w = cg_min64(q->width, U - j);
        for (int64_t g = 0; g < 4; g++)
            multiply_rows(z + g * U + j, z_row, state_of(b, g), b->row, panel_of(q, g, j), q->panel_k, b->count, w, U, NULL, 1);
        if (is_usual(q)) lstm_gates(q, b, z, j, w, 1);
        else lstm_gates(q, b, z, j, w, 0);
    }
}

CG_INLINE void lstm_row_backward(const struct recurrence_backward *r, const struct state_gradients *b, int64_t i, int64_t t, const int usual) {
    const struct sequence *q = &r->q;
    const int64_t U = q->U, at = (b->n + i) * q->T + t;
    const float *z = r->z + at * 4 * U, *cells = r->cells + at * U;
    float *dz = r->dz + at * 4 * U, *d = b->d + i * b->wide, *dh_row = b->dh + i * b->row, *dc_row = b->dc + i * b->row;
    for (int64_t j = 0; j < U; j += VLEN) {
        const int64_t left = U - j;
        vf in = vf_load_upto(z + j, left), forget = vf_load_upto(z + U + j, left);
        vf new = vf_load_upto(z + 2 * U + j, left), out = vf_load_upto(z + 3 * U + j, left);
        vf c = vf_load_upto(cells + j, left), y = STATE(vf_fma(forget, c, in * new));
        vf dh = vf_load_upto(dh_row + j, left);
        vf dc = vf_load_upto(dc_row + j, left) + STATE_BACKWARD(dh * out, y);
        vf found[4] = {GATE_BACKWARD(dc * new, in), GATE_BACKWARD(dc * c, forget), STATE_BACKWARD(dc * in, new), GATE_BACKWARD(dh * y, out)};
        CG_UNROLL
        for (int g = 0; g < 4; g++) {
            vf_store_upto(dz + g * U + j, found[g], left);
            vf_store_upto(d + g * U + j, found[g], left);
        }
        vf_store_upto(dh_row + j, vf_set(0), left);
        vf_store_upto(dc_row + j, dc * forget, left);
    }
}

static void lstm_step_backward(const struct recurrence_backward *r, const struct state_gradients *b, int64_t t) {
    const int usual = is_usual(&r->q);
    for (int64_t i = 0; i < b->count; i++) {
        if (clear_masked(r, b, i, t)) continue;
        if (usual) lstm_row_backward(r, b, i, t, 1);
        else lstm_row_backward(r, b, i, t, 0);
    }
    backward_product(&r->q, b, b->dh, 0, 4, 1);
}

static int CG_FN(lstm_forward)(float *y, float *h_n, float *c_n, float *states, float *cells, float *z, const float *recurrent_kernel,
                               const float *h0, const float *c0, const float *kept, const uint8_t *mask, int64_t N, int64_t T, int64_t U, int activation,
                               int recurrent_activation, int reverse, int sequences, int zero_output) {
    struct recurrence f = {.q = sequence_of(recurrent_kernel, kept, mask, N, T, U, 4, activation, recurrent_activation, reverse, sequences, zero_output),
                        .y = y, .h_n = h_n, .c_n = c_n, .states = states, .cells = cells, .z = z, .h0 = h0, .c0 = c0, .step = lstm_step};
    return run_recurrence(&f);
}

static int CG_FN(lstm_backward)(float *dz, float *dh0, float *dc0, const float *dy, const float *dh_n, const float *dc_n, const float *z,
                                const float *cells, const float *recurrent_kernel, const float *kept, const uint8_t *mask, int64_t N, int64_t T, int64_t U,
                                int activation, int recurrent_activation, int reverse, int sequences, int zero_output) {
    struct recurrence_backward r = {.q = sequence_of(recurrent_kernel, kept, mask, N, T, U, 4, activation, recurrent_activation, reverse, sequences, zero_output),
                         .dz = dz, .dh0 = dh0, .dc0 = dc0, .dy = dy, .dh_n = dh_n, .dc_n = dc_n, .z = z, .cells = cells, .step = lstm_step_backward};
    return run_recurrence_backward(&r);
}
