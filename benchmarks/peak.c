/* peak.c: what the machine can do: fused multiply-adds a second with each vector width, and memory bandwidth at several
 * sizes, with one thread and with as many as the argument says (default: OpenMP's). The denominators of every fraction
 * in the benchmarks. Prints lines "ISA threads GFLOP/s" and "triad:BYTES threads GB/s".
 * `peak apart` prints the nanoseconds that a cache line takes from one core to another and back, in the moment: 50 where they
 * share a cache, 300 to 700 where they do not. A virtual machine's cores move, so this changes from minute to minute, and with
 * it the time of everything that two threads share.
 *
 * Bandwidth is the best of a[i] = b[i] + s c[i] over arrays of BYTES in all, each thread in arrays of its own and with
 * no barrier between repetitions, so that small sizes show the caches and not the cost of starting threads. */
#define _GNU_SOURCE
#include <omp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

#if defined(__x86_64__) && defined(__gnu_linux__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
static void add_scaled(float *restrict a, const float *restrict b, const float *restrict c, long n) {
    for (long i = 0; i < n; i++) a[i] = b[i] + 0.5f * c[i];
}

static void triad(long bytes, int threads) {
    const long n = bytes / 12 / threads, stride = (n + 15) / 16 * 16, repeat = (1L << 25) / n / threads + 1;
    double seconds[64], best = 1e9;
    for (int round = 0; round < 5; round++) {
#pragma omp parallel num_threads(threads)
        {
            float *a = aligned_alloc(64, 3 * stride * sizeof(float)), *b = a + stride, *c = b + stride;
            for (long i = 0; a && i < n; i++) a[i] = 0, b[i] = 1, c[i] = 2;
#pragma omp barrier
            double start = omp_get_wtime();
            for (long r = 0; a && r < repeat; r++) {
                add_scaled(a, b, c, n);
                __asm__ volatile("" : : "r"(a) : "memory");
            }
            seconds[omp_get_thread_num() % 64] = (omp_get_wtime() - start) / repeat;
            free(a);
        }
        double slowest = 0;
        for (int t = 0; t < threads && t < 64; t++) slowest = seconds[t] > slowest ? seconds[t] : slowest;
        if (slowest < best) best = slowest;
    }
    printf("triad:%ld %d %.1f GB/s\n", bytes, threads, 12.0 * n * threads / best / 1e9);
}

/* Two threads hand a number back and forth; the best of some turns, for the second one may begin late. */
static void apart(void) {
    enum { TRIPS = 1000, TURNS = 8 };
    static _Alignas(128) atomic_int number;
    double best = 1e9;
#pragma omp parallel num_threads(2)
    for (int turn = 0; turn < TURNS && omp_get_num_threads() == 2; turn++) {
        const int mine = omp_get_thread_num(), first = turn * 2 * TRIPS;
        double start = omp_get_wtime();
        for (int i = first + mine; i < first + 2 * TRIPS; i += 2) {
            while (atomic_load(&number) != i) {}
            atomic_store(&number, i + 1);
        }
        double seconds = omp_get_wtime() - start;
        if (mine == 0 && seconds < best) best = seconds;
    }
    printf("%.0f\n", best / TRIPS * 1e9);
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "apart")) {
        apart();
        return 0;
    }
    const int all = argc > 1 ? atoi(argv[1]) : omp_get_max_threads();
    for (int threads = 1; threads <= all; threads += all > 1 ? all - 1 : 1) {
#if defined(__x86_64__)
        if (__builtin_cpu_supports("avx512f")) flops("avx512", fma_avx512, 16 * 24, threads);
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) flops("avx2", fma_avx2, 8 * 12, threads);
        flops("baseline", fma_baseline, 4 * 12, threads);
#else
        flops("neon", fma_baseline, 4 * 12, threads);
#endif
        /* the first levels are each core's own, so these sizes grow with the threads */
        triad((24L << 10) * threads, threads);
        triad((384L << 10) * threads, threads);
        triad(8L << 20, threads);
        triad(24L << 20, threads);
        triad(768L << 20, threads);
    }
    return 0;
}
