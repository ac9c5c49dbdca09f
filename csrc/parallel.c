/* parallel.c: the thread count: what the user set, else CYGRAD_NUM_THREADS, else OMP_NUM_THREADS, else the CPUs this process may
 * use (its affinity mask, and the CPU quota of its control group). OpenMP's own settings are read by nobody here and
 * never changed: the host program keeps them. */
#define _GNU_SOURCE
#include "parallel.h"
#include "cygrad.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_THREADS = 256 };
static int num_threads = 0;
static int forked = 0; /* helper threads do not survive a fork; a child that asked for them would wait for ever */

static void in_child(void) { forked = 1; }

static int from_environment(const char *name) {
    const char *text = getenv(name);
    char *end;
    if (!text || !*text) return 0;
    long n = strtol(text, &end, 10); /* OMP_NUM_THREADS may be a list, "4,2": the first counts */
    return end == text || n < 1 ? 0 : n > MOST_THREADS ? MOST_THREADS : (int)n;
}

/* The control group's quota in whole CPUs, rounded up; 0 where there is none (version 2, then version 1). */
static int from_cgroup(void) {
    long long quota = -1, period = 0;
    FILE *f = fopen("/sys/fs/cgroup/cpu.max", "r");
    if (f) {
        if (fscanf(f, "%lld %lld", &quota, &period) != 2) quota = -1; /* "max 100000": no limit */
        fclose(f);
    } else if ((f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "r"))) {
        if (fscanf(f, "%lld", &quota) != 1) quota = -1;
        fclose(f);
        if ((f = fopen("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "r"))) {
            if (fscanf(f, "%lld", &period) != 1) period = 0;
            fclose(f);
        }
    }
    return quota > 0 && period > 0 ? (int)cg_min64(MOST_THREADS, cg_ceil_div(quota, period)) : 0;
}

static int from_machine(void) {
    int n = (int)cg_min64(MOST_THREADS, cg_max64(1, sysconf(_SC_NPROCESSORS_ONLN)));
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) n = CPU_COUNT(&set);
#endif
    int quota = from_cgroup();
    return quota && quota < n ? quota : n;
}

void cg_threads_init(void) {
    if (num_threads) return;
    pthread_atfork(NULL, NULL, in_child);
    int n = from_environment("CYGRAD_NUM_THREADS");
    if (!n) n = from_environment("OMP_NUM_THREADS");
    num_threads = n ? n : from_machine();
}

int cg_set_num_threads(int n) {
    num_threads = n < 1 ? 1 : n > MOST_THREADS ? MOST_THREADS : n;
    return cg_get_num_threads();
}

int cg_get_num_threads(void) { return forked ? 1 : num_threads; }

/* Where cores share no cache (two dies of one processor; a virtual machine's cores, which move), what one writes and the other reads takes
 * five times as long. A small network's weights are written once a step and read by everybody, so two threads lose by that more than they
 * gain: a training step of an MLP takes 120 us on one thread, 220 on two far apart, 98 on two that are near. All kernels of such a step
 * then stay on one thread, for a mix is the slowest; the mean of the last kernels' worth tells it from a larger network's. */
static struct {
    atomic_int distance; /* ns; 0: not known */
    atomic_uint calls, updated; /* of cg_threads while far: all, and at the last update of weights */
    _Atomic float mean;
} far;

void cg_note_distance(int ns) { atomic_store_explicit(&far.distance, ns, memory_order_relaxed); }
void cg_note_update(void) { atomic_store_explicit(&far.updated, atomic_load_explicit(&far.calls, memory_order_relaxed), memory_order_relaxed); }

static bool too_far(float worth) {
    enum { FAR_NS = 200, MEAN_OF = 32, SMALL = 40, STEP = 256, TRY_EVERY = 1 << 14, TRY_FOR = 1 << 8 };
    if (atomic_load_explicit(&far.distance, memory_order_relaxed) <= FAR_NS) return false;
    const unsigned call = atomic_load_explicit(&far.calls, memory_order_relaxed) + 1;
    const float before = atomic_load_explicit(&far.mean, memory_order_relaxed), mean = before + (worth - before) / MEAN_OF;
    atomic_store_explicit(&far.calls, call, memory_order_relaxed);
    atomic_store_explicit(&far.mean, mean, memory_order_relaxed);
    const bool training = call - atomic_load_explicit(&far.updated, memory_order_relaxed) < STEP;
    return training && mean < SMALL && call % TRY_EVERY >= TRY_FOR; /* a try now and then, or the distance would not be measured any more */
}

/* A region costs 0.15 to 0.3 us when its helpers still spin, so a thread must bring several times that: 1.2e5 flops are 1 us of matmul on one
 * core at 120 GFLOP/s, 180 kB are 1.5 to 6 us of streaming. Measured where two threads begin to win: a product of 32 x 64 x 64 (2.4
 * against 1.5 us) does, one of 16 x 64 x 64 (1.2) would not by much; leaky_relu of 30,000 values does not (3.7 against 4.0), of 65,536 does.
 * One row by 784 x 64 would gain half a microsecond of 2.5, for twice the processor's time: not worth it. */
int cg_threads(double flops, double bytes) {
    int most = cg_get_num_threads();
    double worth = flops / 1.2e5 + bytes / 1.8e5;
    if (most < 2 || too_far((float)worth) || worth < 2) return 1;
    return worth < most ? (int)worth : most;
}
