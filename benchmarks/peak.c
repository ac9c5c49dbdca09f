/* peak.c: what the machine can do: fused multiply-adds a second with each vector width, and memory bandwidth.
 * Prints lines "name threads value unit". The denominators of every fraction in the benchmarks. */
#define _GNU_SOURCE
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#define FMA_LOOP(width, chains)                                                                                       \
    typedef float v __attribute__((vector_size(width * 4)));                                                            \
    v a[chains], x, y;                                                                                                  \
    for (int j = 0; j < width; j++) x[j] = 0.999f, y[j] = 0.001f;                                                        \
    for (int i = 0; i < chains; i++) a[i] = x;                                                                            \
    for (long k = 0; k < n; k++) {                                                                                        \
        _Pragma("GCC unroll 32") for (int i = 0; i < chains; i++) a[i] = a[i] * x + y;                                     \
    }                                                                                                                   \
    float sum = 0;                                                                                                      \
    for (int i = 0; i < chains; i++) sum += a[i][0];                                                                      \
    return sum;

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static float fma_avx512(long n) { FMA_LOOP(16, 24) }
__attribute__((target("avx2,fma"))) static float fma_avx2(long n) { FMA_LOOP(8, 12) }
#endif
static float fma_baseline(long n) { FMA_LOOP(4, 12) }

static void flops(const char *name, float (*f)(long), int lanes, int threads) {
    volatile float sink;
    const long n = 8000000;
    double best = 1e9;
    for (int round = 0; round < 5; round++) {
        double start = omp_get_wtime();
#pragma omp parallel num_threads(threads)
        sink = f(n);
        double seconds = omp_get_wtime() - start;
        if (seconds < best) best = seconds;
    }
    (void)sink;
    printf("%s %d %.1f GFLOP/s\n", name, threads, 2.0 * lanes * n * threads / best / 1e9);
}

static void triad(const char *name, long n, int threads) {
    float *a = aligned_alloc(64, n * 4), *b = aligned_alloc(64, n * 4), *c = aligned_alloc(64, n * 4);
    if (!a || !b || !c) return;
#pragma omp parallel for num_threads(threads)
    for (long i = 0; i < n; i++) a[i] = 0, b[i] = 1, c[i] = 2;
    double best = 1e9;
    const long repeat = (1L << 26) / n + 1;
    for (int round = 0; round < 7; round++) {
        double start = omp_get_wtime();
#pragma omp parallel num_threads(threads)
        for (long r = 0; r < repeat; r++) {
#pragma omp for simd schedule(static)
            for (long i = 0; i < n; i++) a[i] = b[i] + 0.5f * c[i];
        }
        double seconds = (omp_get_wtime() - start) / repeat;
        if (seconds < best) best = seconds;
    }
    printf("%s %d %.1f GB/s\n", name, threads, 12.0 * n / best / 1e9);
    free(a), free(b), free(c);
}

int main(void) {
    for (int threads = 1; threads <= 2; threads++) {
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512f")) flops("avx512", fma_avx512, 16 * 24, threads);
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) flops("avx2", fma_avx2, 8 * 12, threads);
        flops("baseline", fma_baseline, 4 * 12, threads);
#else
        flops("neon", fma_baseline, 4 * 12, threads);
#endif
        triad("cache", 1 << 15, threads);
        triad("memory", 1 << 26, threads);
    }
    return 0;
}
