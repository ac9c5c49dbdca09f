/* main.c: a C program on csrc alone, without Python. It trains a small convolutional network by calling the kernels, on every instruction
 * set and with one and several threads, and prints the loss before and after. tests/test_embed.py builds it with the address and
 * undefined-behaviour sanitizers: every array is an exact malloc block, so a kernel that reads or writes one element too many is caught.
 *
 *     cc -std=c11 -O1 -fopenmp -Icsrc tests/embed/main.c OBJECTS -lm -lpthread */
#include "cygrad.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int status, const char *what) {
    if (status == CG_OK) return;
    fprintf(stderr, "%s: %s\n", what, cg_status_message(status));
    exit(1);
}

static float *floats(int64_t n) {
    float *p = malloc((size_t)n * sizeof *p);
    if (!p) exit(1);
    return p;
}

/* Every edge of the matmul tile against three plain loops. */
static void matmul_edges(void) {
    for (int64_t m = 1; m <= 15; m++)
        for (int64_t n = 1; n <= 33; n += n < 4 ? 1 : 5)
            for (int64_t k = 1; k <= 7; k += 3)
                for (int transposed = 0; transposed < 4; transposed++) {
                    const int ta = transposed & 1, tb = transposed >> 1;
                    float *a = floats(m * k), *b = floats(k * n), *bias = floats(n), *y = floats(m * n);
                    check(cg_random_normal(a, m * k, 1, 2, 0, 1), "random");
                    check(cg_random_normal(b, k * n, 3, 4, 0, 1), "random");
                    check(cg_random_normal(bias, n, 5, 6, 0, 1), "random");
                    check(cg_matmul(y, a, b, bias, m, n, k, ta, tb, CG_RELU), "matmul");
                    for (int64_t i = 0; i < m; i++)
                        for (int64_t j = 0; j < n; j++) {
                            double sum = bias[j];
                            for (int64_t l = 0; l < k; l++)
                                sum += (double)a[ta ? l * m + i : i * k + l] * b[tb ? j * k + l : l * n + j];
                            if (fabs(fmax(sum, 0) - y[i * n + j]) > 1e-4) {
                                fprintf(stderr, "matmul %d x %d x %d: wrong value\n", (int)m, (int)n, (int)k);
                                exit(1);
                            }
                        }
                    free(a), free(b), free(bias), free(y);
                }
}

/* Twenty steps of conv 3x3 (5 filters, "same") + relu, max pool 2x2, dense 7, softmax cross-entropy, momentum; odd sizes throughout. */
static double train(double *first) {
    enum { N = 6, H = 9, W = 11, C = 3, F = 5, P = 4, Q = 5, K = 7, FLAT = P * Q * F, CONV = N * H * W * F };
    float *x = floats(N * H * W * C), *kernel = floats(9 * C * F), *bias = floats(F), *y = floats(CONV), *dy = floats(CONV);
    float *pooled = floats(N * FLAT), *dpooled = floats(N * FLAT), *dense = floats(FLAT * K), *logits = floats(N * K), *p = floats(N * K);
    float *loss = floats(N), *dloss = floats(N), *dlogits = floats(N * K), *ddense = floats(FLAT * K), *dkernel = floats(9 * C * F);
    float *dbias = floats(F), *v1 = floats(9 * C * F), *v2 = floats(FLAT * K), *dx = floats(N * H * W * C);
    uint8_t *argmax = malloc(N * FLAT);
    int32_t *labels = malloc(N * sizeof *labels);
    double mean = 0;
    if (!argmax || !labels) exit(1);
    check(cg_random_normal(x, N * H * W * C, 1, 1, 0, 1), "random");
    check(cg_random_normal(kernel, 9 * C * F, 2, 1, 0, 0.2f), "random");
    check(cg_random_normal(dense, FLAT * K, 3, 1, 0, 0.1f), "random");
    for (int i = 0; i < N; i++) labels[i] = i % K, dloss[i] = 1.0f / N;
    for (int i = 0; i < F; i++) bias[i] = 0;
    for (int i = 0; i < 9 * C * F; i++) v1[i] = 0;
    for (int i = 0; i < FLAT * K; i++) v2[i] = 0;
    for (int step = 0; step < 20; step++) {
        check(cg_conv2d_forward(y, x, kernel, bias, N, H, W, C, F, 3, 3, H, W, 1, 1, 1, 1, 1, 1, 1, CG_RELU), "conv2d_forward");
        check(cg_max_pool2d_forward(pooled, argmax, y, N, H, W, F, 2, 2, P, Q, 2, 2, 0, 0), "max_pool2d_forward");
        check(cg_matmul(logits, pooled, dense, NULL, N, K, FLAT, 0, 0, CG_LINEAR), "matmul");
        check(cg_sparse_softmax_cross_entropy_forward(loss, p, logits, labels, N, K), "loss");
        check(cg_sparse_softmax_cross_entropy_backward(dlogits, dloss, p, labels, N, K), "loss backward");
        check(cg_matmul(ddense, pooled, dlogits, NULL, FLAT, K, N, 1, 0, CG_LINEAR), "matmul TN");
        check(cg_matmul(dpooled, dlogits, dense, NULL, N, FLAT, K, 0, 1, CG_LINEAR), "matmul NT");
        check(cg_max_pool2d_backward(dy, dpooled, argmax, N, H, W, F, 2, 2, P, Q, 2, 2, 0, 0), "max_pool2d_backward");
        check(cg_relu_backward(dy, dy, y, CONV), "relu_backward");
        check(cg_reduce_sum(dbias, dy, 1, N * H * W, F, 1), "reduce_sum");
        check(cg_conv2d_backward_kernel(dkernel, dy, x, N, H, W, C, F, 3, 3, H, W, 1, 1, 1, 1, 1, 1, 1), "conv2d_backward_kernel");
        check(cg_conv2d_backward_input(dx, dy, kernel, N, H, W, C, F, 3, 3, H, W, 1, 1, 1, 1, 1, 1, 1), "conv2d_backward_input");
        check(cg_sgd_step(kernel, v1, dkernel, 9 * C * F, 0.05f, 0.9f, 1), "sgd_step");
        check(cg_sgd_step(dense, v2, ddense, FLAT * K, 0.05f, 0.9f, 0), "sgd_step");
        check(cg_sgd_step(bias, NULL, dbias, F, 0.05f, 0, 0), "sgd_step");
        mean = 0;
        for (int i = 0; i < N; i++) mean += loss[i] / N;
        if (step == 0) *first = mean;
    }
    free(x), free(kernel), free(bias), free(y), free(dy), free(pooled), free(dpooled), free(dense), free(logits), free(p), free(loss);
    free(dloss), free(dlogits), free(ddense), free(dkernel), free(dbias), free(v1), free(v2), free(dx), free(argmax), free(labels);
    return mean;
}

/* A dense layer and a loss for each row, on the same rows by one region: the values of two calls, and a label outside of the classes is told. */
#define POINTER(i) ((void *)(uintptr_t)w[i])
static int run_dense(void *words) {
    const uint64_t *w = words;
    return cg_matmul(POINTER(0), POINTER(1), POINTER(2), POINTER(3), (int64_t)w[4], (int64_t)w[5], (int64_t)w[6], 0, 0, CG_RELU);
}
static int run_loss(void *words) {
    const uint64_t *w = words;
    return cg_sparse_softmax_cross_entropy_forward(POINTER(0), POINTER(1), POINTER(2), POINTER(3), (int64_t)w[4], (int64_t)w[5]);
}
static void rows_together(void) {
    enum { M = 101, K = 90, N = 33, LOGITS = M * N };
    float *x = floats(M * K), *b = floats(K * N), *y = floats(2 * LOGITS), *p = floats(2 * LOGITS), *loss = floats(2 * M);
    int32_t *labels = malloc(M * sizeof *labels);
    if (!labels) exit(1);
    check(cg_random_normal(x, M * K, 1, 3, 0, 1), "random");
    check(cg_random_normal(b, K * N, 2, 3, 0, 0.1f), "random");
    for (int i = 0; i < M; i++) labels[i] = i % N;
    for (int i = 0; i < 2 * LOGITS; i++) y[i] = p[i] = -1;
    check(cg_matmul(y, x, b, NULL, M, N, K, 0, 0, CG_RELU), "matmul");
    check(cg_sparse_softmax_cross_entropy_forward(loss, p, y, labels, M, N), "loss");
#define WORD(p) ((uint64_t)(uintptr_t)(p))
    uint64_t dense[] = {WORD(y + LOGITS), WORD(x), WORD(b), 0, M, N, K};
    uint64_t losses[] = {WORD(loss + M), WORD(p + LOGITS), WORD(y + LOGITS), WORD(labels), M, N};
    const int64_t each_dense[] = {4 * N, 4 * K, 0, 0, -1, 0, 0}, each_loss[] = {4, 4 * N, 4 * N, 4, -1, 0};
    const struct cg_row_call calls[] = {{run_dense, dense, each_dense, 7}, {run_loss, losses, each_loss, 6}};
    struct cg_rows all = {calls, 2, M, 2.0 * M * N * K, 4.0 * M * (K + 3 * N)};
    check(cg_run_rows(&all), "rows");
    if (memcmp(y, y + LOGITS, 4 * LOGITS) || memcmp(p, p + LOGITS, 4 * LOGITS) || memcmp(loss, loss + M, 4 * M)) {
        fprintf(stderr, "rows: not the values of two calls\n");
        exit(1);
    }
    for (int i = 0; i < M; i += M - 1) {
        labels[i] = N;
        if (cg_run_rows(&all) != CG_EINDEX) exit(1);
        labels[i] = 0;
    }
    free(x), free(b), free(y), free(p), free(loss), free(labels);
}

int main(void) {
    check(cg_init(NULL), "cg_init");
    if (cg_init("no such machine") != CG_EISA) return 1;
    for (int i = 0; cg_isa_available(i); i++) {
        check(cg_init(cg_isa_available(i)), cg_isa_available(i));
        for (int threads = 1; threads <= 3; threads += 2) {
            double first = 0, last;
            cg_set_num_threads(threads);
            matmul_edges();
            rows_together();
            last = train(&first);
            printf("%s %d threads: loss %.4f, then %.4f\n", cg_isa(), threads, first, last);
            if (!(last < 0.5 * first)) return 1;
        }
    }
    cg_alloc_trim();
    return cg_alloc_stats().in_use != 0;
}
