/* gru.c: a step of the GRU and its gradient, for recurrent.c: gates u (update), r (reset), g of z; h' = u h + (1 - u) g. With b the recurrent
 * bias: reset_after: g = activation(z_g + r (h U_g + b_g)), inner = h U_g + b_g;  else g = activation(z_g + (r h) U_g), inner = r h */

CG_INLINE void gru_gates(const struct recurrence *f, const struct states *b, float *z, float *inner, int64_t inner_row, int64_t j, int64_t w, const int usual, const int after) {
    const struct sequence *q = &f->q;
    const int64_t U = q->U, z_row = q->T * 3 * U;
    const float *bias = f->recurrent_bias;
    for (int64_t i = 0; i < b->count; i++) {
        for (int64_t u = j; u < j + w; u += VLEN) {
            const int64_t left = j + w - u, at = i * b->row + u;
            float *to = z + i * z_row + u;
            vf update = vf_load_upto(to, left), reset = vf_load_upto(to + U, left), h = vf_load_upto(b->h + at, left);
            if (bias) {
                update += vf_load_upto(bias + u, left);
                reset += vf_load_upto(bias + U + u, left);
            }
            update = GATE(update);
            reset = GATE(reset);
            vf_store_upto(to, update, left);
            vf_store_upto(to + U, reset, left);
            if (!after) {
                const vf met = reset * vf_load_upto(state_of(b, 2) + at, left);
                vf_store_upto(b->inner + at, met, left);
                vf_store_upto(inner + i * inner_row + u, met, left);
                continue;
            }
            vf new = STATE(vf_fma(reset, vf_load_upto(inner + i * inner_row + u, left), vf_load_upto(to + 2 * U, left)));
            vf_store_upto(to + 2 * U, new, left);
            vf_store_upto(b->next_h + at, vf_fma(update, h - new, new), left);
        }
    }
}

/* The rest of a step where the state is reset before the product. */
static void gru_mix(const struct sequence *q, const struct states *b, float *z, int64_t j, int64_t w) {
    const int64_t U = q->U, z_row = q->T * 3 * U;
    const int usual = q->activation == CG_TANH;
    for (int64_t i = 0; i < b->count; i++) {
        for (int64_t u = j; u < j + w; u += VLEN) {
            const int64_t left = j + w - u, at = i * b->row + u;
            float *to = z + i * z_row + u;
            vf new = STATE(vf_load_upto(to + 2 * U, left));
            vf_store_upto(to + 2 * U, new, left);
            vf_store_upto(b->next_h + at, vf_fma(vf_load_upto(to, left), vf_load_upto(b->h + at, left) - new, new), left);
        }
    }
}

static void gru_step(const struct recurrence *f, const struct states *b, int64_t t) {
    const struct sequence *q = &f->q;
    const int64_t U = q->U, z_row = q->T * 3 * U, inner_row = f->inner ? q->T * U : b->row;
    float *z = f->z + (b->n * q->T + t) * 3 * U, *inner = f->inner ? f->inner + (b->n * q->T + t) * U : b->inner;
    for (int64_t j = 0; j < U; j += q->width) {
        const int64_t w = cg_min64(q->width, U - j);
        for (int64_t g = 0; g < 2; g++)
            multiply_rows(z + g * U + j, z_row, state_of(b, g), b->row, panel_of(q, g, j), q->panel_k, b->count, w, U, NULL, 1);
        if (f->reset_after) {
            const float *bias = f->recurrent_bias ? f->recurrent_bias + 2 * U + j : NULL;
            multiply_rows(inner + j, inner_row, state_of(b, 2), b->row, panel_of(q, 2, j), q->panel_k, b->count, w, U, bias, 0);
            if (is_usual(q)) gru_gates(f, b, z, inner, inner_row, j, w, 1, 1);
            else gru_gates(f, b, z, inner, inner_row, j, w, 0, 1);
        } else {
            gru_gates(f, b, z, inner, inner_row, j, w, 0, 0);
        }
    }
    for (int64_t j = 0; j < U && !f->reset_after; j += q->width) {
        const int64_t w = cg_min64(q->width, U - j);
        multiply_rows(z + 2 * U + j, z_row, b->inner, b->row, panel_of(q, 2, j), q->panel_k, b->count, w, U, NULL, 1);
        gru_mix(q, b, z, j, w);
    }
}

CG_INLINE void gru_row_backward(const struct recurrence_backward *r, const struct state_gradients *b, int64_t i, int64_t t, const int usual, const int after) {
    const struct sequence *q = &r->q;
    const int64_t U = q->U, at = (b->n + i) * q->T + t;
    const float *z = r->z + at * 3 * U, *states = r->states + at * U, *inner = r->inner + at * U;
    float *dz = r->dz + at * 3 * U, *d = b->d + i * b->wide, *dh_row = b->dh + i * b->row;
    for (int64_t j = 0; j < U; j += VLEN) {
        const int64_t left = U - j;
        vf update = vf_load_upto(z + j, left), reset = vf_load_upto(z + U + j, left), new = vf_load_upto(z + 2 * U + j, left);
        vf dh = vf_load_upto(dh_row + j, left);
        vf dupdate = GATE_BACKWARD(dh * (vf_load_upto(states + j, left) - new), update);
        vf dnew = STATE_BACKWARD(dh * (1.0f - update), new);
        vf_store_upto(dz + j, dupdate, left);
        vf_store_upto(d + j, dupdate, left);
        vf_store_upto(dz + 2 * U + j, dnew, left);
        vf_store_upto(dh_row + j, dh * update, left);
        if (!after) {
            vf_store_upto(d + 2 * U + j, dnew, left);
            continue;
        }
        vf dreset = GATE_BACKWARD(dnew * vf_load_upto(inner + j, left), reset);
        vf_store_upto(dz + U + j, dreset, left);
        vf_store_upto(d + U + j, dreset, left);
        vf_store_upto(d + 2 * U + j, dnew * reset, left);
    }
    if (after) copy_state(r->dinner + at * 3 * U, 0, d, 0, 1, 3 * U);
}

/* The gradient of the reset gate, where the state is reset before the product: b->dc has that of r h. */
static void gru_reset_backward(const struct recurrence_backward *r, const struct state_gradients *b, int64_t i, int64_t t) {
    const struct sequence *q = &r->q;
    const int64_t U = q->U, at = (b->n + i) * q->T + t;
    const int usual = 0;
    for (int64_t j = 0; j < U; j += VLEN) {
        const int64_t left = U - j;
        float *dh = b->dh + i * b->row + j;
        vf dinner = vf_load_upto(b->dc + i * b->row + j, left), reset = vf_load_upto(r->z + at * 3 * U + U + j, left);
        vf dreset = GATE_BACKWARD(dinner * vf_load_upto(r->states + at * U + j, left), reset);
        vf_store_upto(r->dz + at * 3 * U + U + j, dreset, left);
        vf_store_upto(b->d + i * b->wide + U + j, dreset, left);
        vf_store_upto(dh, vf_fma(dinner, reset, vf_load_upto(dh, left)), left);
    }
}

static void gru_step_backward(const struct recurrence_backward *r, const struct state_gradients *b, int64_t t) {
    const struct sequence *q = &r->q;
    const int usual = is_usual(q);
    for (int64_t i = 0; i < b->count; i++) {
        if (clear_masked(r, b, i, t)) continue;
        if (!r->reset_after) gru_row_backward(r, b, i, t, 0, 0);
        else if (usual) gru_row_backward(r, b, i, t, 1, 1);
        else gru_row_backward(r, b, i, t, 0, 1);
    }
    if (r->reset_after) {
        backward_product(q, b, b->dh, 0, 3, 1);
        return;
    }
    backward_product(q, b, b->dc, 2, 1, 0);
    for (int64_t i = 0; i < b->count; i++)
        if (live(q, b->n + i, t)) gru_reset_backward(r, b, i, t);
    backward_product(q, b, b->dh, 0, 2, 1);
}

static int CG_FN(gru_forward)(float *y, float *h_n, float *states, float *inner, float *z, const float *recurrent_kernel,
                              const float *recurrent_bias, const float *h0, const float *kept, const uint8_t *mask, int64_t N, int64_t T, int64_t U,
                              int activation, int recurrent_activation, int reset_after, int reverse, int sequences, int zero_output) {
    struct recurrence f = {.q = sequence_of(recurrent_kernel, kept, mask, N, T, U, 3, activation, recurrent_activation, reverse, sequences, zero_output),
                        .y = y, .h_n = h_n, .states = states, .inner = inner, .z = z, .recurrent_bias = recurrent_bias, .h0 = h0,
                        .reset_after = reset_after, .step = gru_step};
    return run_recurrence(&f);
}

static int CG_FN(gru_backward)(float *dz, float *dinner, float *dh0, const float *dy, const float *dh_n, const float *z, const float *states,
                               const float *inner, const float *recurrent_kernel, const float *kept, const uint8_t *mask, int64_t N, int64_t T, int64_t U,
                               int activation, int recurrent_activation, int reset_after, int reverse, int sequences, int zero_output) {
    struct recurrence_backward r = {.q = sequence_of(recurrent_kernel, kept, mask, N, T, U, 3, activation, recurrent_activation, reverse, sequences, zero_output),
                         .dz = dz, .dinner = dinner, .dh0 = dh0, .dy = dy, .dh_n = dh_n, .z = z, .states = states, .inner = inner,
                         .reset_after = reset_after, .step = gru_step_backward};
    return run_recurrence_backward(&r);
}
