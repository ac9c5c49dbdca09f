/* pool.c: csrc/pool.c under loops as the kernels have them: every iteration runs once, whoever runs it, from several calling threads at once,
 * with helpers that sleep between regions; meant for ThreadSanitizer. And csrc/parallel.c's choice of threads for cores that are far apart.
 *
 *     cc -std=c11 -O1 -g -fsanitize=thread -fopenmp -Icsrc -c tests/embed/pool.c csrc/pool.c csrc/parallel.c;  cc -fsanitize=thread ... */
#define _GNU_SOURCE
#include "cygrad.h"
#include "parallel.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST = 1000, CALLERS = 3, REGIONS = 300 };

typedef struct {
    int seed, wrong;
} caller;

static void static_loop(int *count, int64_t n, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < n; i++) count[i]++;
}

static void collapsed_loop(int *count, int64_t n, int threads) {
#pragma omp parallel for collapse(2) schedule(static) num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < n / 10; i++)
        for (int64_t j = 0; j < 10; j++) count[i * 10 + j]++;
}

static void dynamic_loop(int *count, int64_t n, int threads) {
#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        int *scratch = malloc(sizeof *scratch); /* one for whoever takes part */
#pragma omp for schedule(dynamic) nowait
        for (int64_t i = 0; i < n; i++) {
            *scratch = 1;
            count[i] += *scratch;
        }
        free(scratch);
    }
}

static void downward_loop(int *count, int64_t n, int threads) {
#pragma omp parallel for schedule(dynamic, 3) num_threads(threads) if (threads > 1)
    for (int64_t i = n - 1; i >= 0; i -= 1) count[i]++;
}

static void nested_loop(int *count, int64_t n, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
    for (int64_t i = 0; i < n / 10; i++) dynamic_loop(count + i * 10, 10, threads);
}

static void *run(void *argument) {
    static void (*const loops[])(int *, int64_t, int) = {static_loop, collapsed_loop, dynamic_loop, downward_loop, nested_loop};
    caller *self = argument;
    for (int r = 0; r < REGIONS; r++) {
        const int64_t n = (self->seed * 7 + r * 10) % MOST / 10 * 10;
        int count[MOST] = {0};
        loops[r % 5](count, n, 1 + (r / 5 + self->seed) % 5);
        for (int64_t i = 0; i < MOST; i++) self->wrong += count[i] != (i < n);
        if (r % 100 == 99) usleep(2000); /* long enough for helpers to fall asleep */
    }
    return NULL;
}

/* How many of `calls` in a small network's steps, or of predicts, ask for two threads; an update of weights comes with every 20th. */
static int on_two_threads(int calls, double flops, int training) {
    int two = 0;
    for (int i = 0; i < calls; i++) {
        if (training && i % 20 == 0) cg_note_update();
        two += cg_threads(flops, 0) == 2;
    }
    return two;
}

static int wrong_choices(void) {
    const double small = 3e6, large = 3e8;
    int wrong = 0;
    cg_set_num_threads(2);
    cg_note_distance(100); /* near: two threads for both */
    wrong += on_two_threads(1000, small, 1) != 1000;
    cg_note_distance(400); /* far: a small network's training on one, but for a try now and then */
    const int tried = on_two_threads(100000, small, 1);
    wrong += tried == 0 || tried > 5000;
    wrong += on_two_threads(1000, large, 1) < 990; /* a larger one's after a few calls */
    on_two_threads(1000, small, 0);
    wrong += on_two_threads(1000, small, 0) != 1000; /* predicts share nothing that changes */
    cg_note_distance(100);
    wrong += on_two_threads(1000, small, 1) != 1000;
    return wrong;
}

int main(void) {
    pthread_t thread[CALLERS];
    caller callers[CALLERS] = {{0, 0}};
    int wrong = 0;
    for (int i = 0; i < CALLERS; i++) {
        callers[i].seed = i;
        pthread_create(&thread[i], NULL, run, &callers[i]);
    }
    for (int i = 0; i < CALLERS; i++) {
        pthread_join(thread[i], NULL);
        wrong += callers[i].wrong;
    }
    const int choices = wrong_choices();
    printf("%d iterations did not run exactly once; %d choices of threads are wrong\n", wrong, choices);
    return wrong + choices != 0;
}
