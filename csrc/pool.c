/* pool.c: the OpenMP run time under cygrad's kernels.
 *
 * The kernels are plain OpenMP: loops under `#pragma omp parallel for`. A compiler turns each into a function of its own and calls a run
 * time to execute it on several threads. This file is that run time, as much of it as our loops need, for the Python extension; csrc/
 * embedded without this file runs on libgomp or libomp, with the same results.
 * Why our own: libgomp's helpers spin for milliseconds between regions, burning a core; the caller waits for every helper at every region,
 * so one that the system has put aside for another process stops the whole step; and one that wakes after a pause may be placed on the core
 * where its caller spins, which costs 8 ms. Those settings belong to the host program and are read once, so they cannot be ours to change.
 *
 * How it works
 *   region   a function to be called once for each id 0 .. ids-1. `ticket` holds (generation, low, high): the ids not yet claimed.
 *            The caller claims from the low end, helpers from the high end (so the same core meets the same part of an array in
 *            kernel after kernel) and who is free takes the next: the caller never waits for a helper that has not begun.
 *   ids      SHARES a thread, so that a helper which comes late, or goes away, takes less of the work with it.
 *   helpers  spin for SPIN_NS after a region, then sleep. Work that has gone on for WAKE_NS wakes them, and forbids them the core that it
 *            runs on itself, where the system would like to put them.
 *   callers  one region at a time: a second Python thread that computes meanwhile runs its region alone.
 * Kernels therefore contain no barrier, and at most one loop a region; barriers are missing here, so such a kernel does not link.
 */
#define _GNU_SOURCE
#include "parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_HELPERS = 255, SHARES = 4, MOST_IDS = SHARES * (MOST_HELPERS + 1) };
enum {
    SPIN_NS = 200000, /* longer than the Python between two kernels of a step, too short to be seen as load */
    WAKE_NS = 20000,  /* waking costs its caller 20 us in a virtual machine, and the helper comes 60 us later: shorter work is done alone */
};

/* ---- 1. regions and helpers ---- */

/* What a thread knows of the region it is in. */
typedef struct {
    int id, ids;
    int wanted;                     /* helpers that this thread, the caller, has yet to see awake */
    atomic_long *taken;             /* chunks of the region's dynamic loop that are taken */
    long start, end, step, chunk;   /* that loop */
    bool drained;                   /* it has no chunk left */
} team;
static _Thread_local team here = {0, 1, 0, NULL, 0, 0, 1, 1, false};

typedef struct {
    pthread_t thread;
    pthread_cond_t wake;
    bool asleep;   /* guarded by pool.mutex */
    int away_from; /* the core it was told to leave alone */
} helper;

static struct {
    _Alignas(64) _Atomic uint64_t ticket; /* generation << 32 | low << 16 | high */
    atomic_uint ping;                     /* which helper is asked how far away it is: turn << 8 | helper; beside what it watches */
    _Alignas(64) atomic_uint pong;        /* its answer: the same */
    unsigned shared_regions;              /* those in which a helper took part */
    _Alignas(64) atomic_int finished;     /* ids that helpers have finished */
    _Alignas(64) atomic_long taken;
    _Alignas(64) atomic_flag busy;        /* a caller is in a region */
    void (*function)(void *);
    void *data;
    int ids;
    pthread_mutex_t mutex;                /* for sleeping and waking only */
    pthread_cond_t all_finished;
    atomic_int sleeping;                  /* helpers asleep or about to be */
    atomic_bool caller_sleeps;
    int64_t work_began, work_ended;       /* while helpers sleep: the first region after a pause, and the last one's end */
    int helpers;
    helper helper[MOST_HELPERS];
} pool = {.busy = ATOMIC_FLAG_INIT, .mutex = PTHREAD_MUTEX_INITIALIZER, .all_finished = PTHREAD_COND_INITIALIZER};

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Claims an id of the generation that *ticket shows, from its low or its high end; -1 where none is left. */
static int claim(uint64_t *ticket, bool from_low) {
    for (;;) {
        uint64_t low = *ticket >> 16 & 0xffff, high = *ticket & 0xffff;
        if (low >= high) return -1;
        uint64_t next = *ticket + (from_low ? (uint64_t)1 << 16 : (uint64_t)-1);
        uint64_t generation = *ticket >> 32;
        if (atomic_compare_exchange_weak_explicit(&pool.ticket, ticket, next, memory_order_acq_rel, memory_order_acquire)) {
            *ticket = next;
            return (int)(from_low ? low : high - 1);
        }
        if (*ticket >> 32 != generation) return -1;
    }
}

static bool work_left(uint64_t ticket) { return (ticket >> 16 & 0xffff) < (ticket & 0xffff); }

static void sleep_until_work(helper *self) {
    pthread_mutex_lock(&pool.mutex);
    self->asleep = true;
    atomic_fetch_add(&pool.sleeping, 1);
    /* A caller opens its region first and counts sleepers then; this looks in the opposite order: one of the two sees the other. */
    while (self->asleep && !work_left(atomic_load(&pool.ticket))) pthread_cond_wait(&self->wake, &pool.mutex);
    self->asleep = false;
    atomic_fetch_sub(&pool.sleeping, 1);
    pthread_mutex_unlock(&pool.mutex);
}

/* Keeps a helper off the core that the caller runs on: the system likes to wake a thread beside the one that woke it. */
static void move_away(helper *h) {
#ifdef __linux__
    cpu_set_t set;
    int cpu = sched_getcpu();
    if (cpu < 0 || cpu >= CPU_SETSIZE || cpu == h->away_from || sched_getaffinity(0, sizeof set, &set)) return;
    CPU_CLR(cpu, &set);
    if (CPU_COUNT(&set) && !pthread_setaffinity_np(h->thread, sizeof set, &set)) h->away_from = cpu;
#else
    (void)h;
#endif
}

/* Wakes as many helpers as `wanted` exceeds those awake, once the work has lasted long enough. True: no more need to ask.
 * A pause lies between regions: within one, however long, work goes on. */
static bool woken(int wanted, bool region_begins) {
    int missing = wanted - (pool.helpers - atomic_load(&pool.sleeping));
    if (missing <= 0) return true;
    int64_t time = now();
    if (region_begins && time - pool.work_ended > SPIN_NS) pool.work_began = time;
    pool.work_ended = time;
    if (time - pool.work_began < WAKE_NS) return false;
    pthread_mutex_lock(&pool.mutex);
    for (int i = 0; i < pool.helpers && missing > 0; i++) {
        helper *h = &pool.helper[i];
        if (!h->asleep) continue;
        move_away(h);
        h->asleep = false;
        pthread_cond_signal(&h->wake);
        missing--;
    }
    pthread_mutex_unlock(&pool.mutex);
    return true;
}

/* Claims all ids that are left; returns how many. */
static int claim_rest(uint64_t *ticket) {
    for (;;) {
        uint64_t left = (*ticket & 0xffff) - (*ticket >> 16 & 0xffff), generation = *ticket >> 32;
        if (!left) return 0;
        if (atomic_compare_exchange_weak_explicit(&pool.ticket, ticket, *ticket - left, memory_order_acq_rel, memory_order_acquire)) return (int)left;
        if (*ticket >> 32 != generation) return 0;
    }
}

/* Runs ids until none is left; returns how many were this thread's. A claimed id keeps its region open until it is finished, so all that it
 * needs may be read. The ids that come after the last chunk of a dynamic loop would find nothing to do, and are claimed at once: each claim fetches
 * a cache line from another core. */
static int run_ids(uint64_t *ticket, bool from_low, int wanted) {
    int done = 0;
    bool drained = false;
    for (int id; !drained && (id = claim(ticket, from_low)) >= 0; done++) {
        here = (team){.id = id, .ids = pool.ids, .wanted = wanted, .taken = &pool.taken};
        pool.function(pool.data);
        drained = here.drained;
        here = (team){.ids = 1};
        if (wanted && woken(wanted, false)) wanted = 0;
    }
    return drained ? done + claim_rest(ticket) : done;
}

static void *helper_main(void *argument) {
    helper *self = argument;
    const unsigned number = (unsigned)(self - pool.helper);
    unsigned answered = number; /* turn 0 */
    int64_t idle_since = now();
    for (;;) {
        for (int i = 0; i < 64; i++) {
            uint64_t ticket = atomic_load_explicit(&pool.ticket, memory_order_acquire);
            if (work_left(ticket)) {
                atomic_fetch_add(&pool.finished, run_ids(&ticket, false, 0));
                if (atomic_load(&pool.caller_sleeps)) {
                    pthread_mutex_lock(&pool.mutex);
                    pthread_cond_signal(&pool.all_finished);
                    pthread_mutex_unlock(&pool.mutex);
                }
                idle_since = now();
            }
            unsigned ping = atomic_load_explicit(&pool.ping, memory_order_acquire);
            if (ping % 256 == number && ping != answered) atomic_store_explicit(&pool.pong, answered = ping, memory_order_release);
            relax();
        }
        if (now() - idle_since > SPIN_NS) {
            sleep_until_work(self);
            idle_since = now();
        }
    }
    return NULL;
}

static void start_helpers(int wanted) {
    sigset_t all, old;
    sigfillset(&all); /* signals are for the host's threads */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (pool.helpers < wanted && pool.helpers < MOST_HELPERS) {
        helper *h = &pool.helper[pool.helpers];
        pthread_cond_init(&h->wake, NULL);
        h->away_from = -1;
        if (pthread_create(&h->thread, NULL, helper_main, h)) break; /* no more threads to be had: those that are there do the work */
        pthread_detach(h->thread);
        move_away(h);
#ifdef __linux__
        pthread_setname_np(h->thread, "cygrad");
#endif
        pool.helpers++;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/* The helpers' last ids: a moment of spinning; then this core is better given away, perhaps to the very helper that has none. */
static void wait_for(int ids) {
    int64_t since = 0;
    for (int i = 1; atomic_load_explicit(&pool.finished, memory_order_acquire) < ids; i++) {
        relax();
        if (i % 64) continue;
        if (!since) since = now();
        if (now() - since < SPIN_NS / 4) continue;
        pthread_mutex_lock(&pool.mutex);
        atomic_store(&pool.caller_sleeps, true);
        while (atomic_load(&pool.finished) < ids) pthread_cond_wait(&pool.all_finished, &pool.mutex);
        atomic_store(&pool.caller_sleeps, false);
        pthread_mutex_unlock(&pool.mutex);
    }
}

static void run_alone(void (*function)(void *), void *data) {
    team outer = here;
    atomic_long taken = 0;
    here = (team){.ids = 1, .taken = &taken};
    function(data);
    here = outer;
}

/* Now and then: the least time, of a few, that a question to a helper which has just worked and its answer take. The helpers take turns. */
static void measure_distance(void) {
    enum { REGIONS = 64, QUESTIONS = 6, PATIENCE = 500 };
    if (pool.shared_regions++ % REGIONS || atomic_load(&pool.sleeping)) return;
    const unsigned helper = pool.shared_regions / REGIONS % (unsigned)pool.helpers;
    int64_t least = INT64_MAX;
    for (int q = 0; q < QUESTIONS; q++) {
        const unsigned ping = ((atomic_load(&pool.ping) >> 8) + 1) << 8 | helper;
        const int64_t start = now();
        atomic_store_explicit(&pool.ping, ping, memory_order_release);
        for (int i = 0; atomic_load_explicit(&pool.pong, memory_order_acquire) != ping; i++) {
            if (i == PATIENCE) return; /* it was put aside: that says nothing of the distance */
            relax();
        }
        least = cg_min64(least, now() - start);
    }
    cg_note_distance((int)least);
}

/* function(data) for every id, on as many threads; returns when all are done. Within a region, or beside another caller's: alone. */
static void run_region(void (*function)(void *), void *data, int threads) {
    if (threads < 2 || here.ids > 1 || atomic_flag_test_and_set_explicit(&pool.busy, memory_order_acquire)) {
        run_alone(function, data);
        return;
    }
    if (pool.helpers < threads - 1) start_helpers(threads - 1);
    int ids = threads * SHARES < MOST_IDS ? threads * SHARES : MOST_IDS;
    pool.function = function;
    pool.data = data;
    pool.ids = ids;
    atomic_store_explicit(&pool.finished, 0, memory_order_relaxed);
    atomic_store_explicit(&pool.taken, 0, memory_order_relaxed);
    uint64_t generation = (atomic_load_explicit(&pool.ticket, memory_order_relaxed) >> 32) + 1;
    uint64_t ticket = generation << 32 | (uint64_t)ids;
    atomic_store(&pool.ticket, ticket);
    int own = run_ids(&ticket, true, woken(threads - 1, true) ? 0 : threads - 1);
    wait_for(ids - own);
    if (atomic_load(&pool.sleeping)) pool.work_ended = now(); /* after few long ids, the next region is not one after a pause */
    if (own < ids) measure_distance();
    atomic_flag_clear_explicit(&pool.busy, memory_order_release);
}

/* A chunk of the region's dynamic loop: [*first, *last) in steps. */
static bool next_chunk(long *first, long *last) {
    if (here.wanted && woken(here.wanted, false)) here.wanted = 0; /* this id may take all chunks, so it has to ask */
    long n = atomic_fetch_add_explicit(here.taken, 1, memory_order_relaxed);
    long width = here.chunk * here.step, start = here.start + n * width;
    if (here.step > 0 ? start >= here.end : start <= here.end) return !(here.drained = true);
    *first = start;
    *last = (here.step > 0 ? start + width > here.end : start + width < here.end) ? here.end : start + width;
    return true;
}

static bool first_chunk(long start, long end, long step, long chunk, long *first, long *last) {
    here.start = start;
    here.end = end;
    here.step = step;
    here.chunk = chunk > 0 ? chunk : 1;
    return next_chunk(first, last);
}

/* ---- 2. what GCC calls ---- */

int omp_get_thread_num(void) { return here.id; }
int omp_get_num_threads(void) { return here.ids; }

void GOMP_parallel(void (*function)(void *), void *data, unsigned threads, unsigned flags) {
    (void)flags;
    run_region(function, data, (int)threads);
}

bool GOMP_loop_nonmonotonic_dynamic_start(long start, long end, long step, long chunk, long *first, long *last) {
    return first_chunk(start, end, step, chunk, first, last);
}
bool GOMP_loop_nonmonotonic_dynamic_next(long *first, long *last) { return next_chunk(first, last); }
void GOMP_loop_end_nowait(void) {}

/* ---- 3. what Clang calls; gtid is our id, location is unused ---- */

typedef void microtask(int32_t *gtid, int32_t *btid, ...);
enum { MOST_ARGUMENTS = 32 };
typedef struct {
    microtask *function;
    void *argument[MOST_ARGUMENTS];
} call;

static _Thread_local int threads_pushed = 0;

/* The outlined function takes fewer arguments than this hands it; what it does not take, it does not see. */
static void run_call(void *data) {
    call *c = data;
    void **a = c->argument;
    int32_t id = here.id;
    c->function(&id, &id, a[0], a[1], a[2], a[3], a[4], a[5], a[6], a[7], a[8], a[9], a[10], a[11], a[12], a[13], a[14], a[15], a[16],
                a[17], a[18], a[19], a[20], a[21], a[22], a[23], a[24], a[25], a[26], a[27], a[28], a[29], a[30], a[31]);
}

int32_t __kmpc_global_thread_num(void *location) { return (void)location, here.id; }

void __kmpc_push_num_threads(void *location, int32_t gtid, int32_t n) {
    (void)location, (void)gtid;
    threads_pushed = n;
}

void __kmpc_fork_call(void *location, int32_t arguments, microtask *function, ...) {
    (void)location;
    call c = {.function = function};
    if (arguments > MOST_ARGUMENTS) {
        fprintf(stderr, "cygrad: a parallel loop shares %d variables; csrc/pool.c passes %d\n", (int)arguments, MOST_ARGUMENTS);
        abort();
    }
    va_list list;
    va_start(list, function);
    for (int i = 0; i < arguments; i++) c.argument[i] = va_arg(list, void *);
    va_end(list);
    int threads = threads_pushed;
    threads_pushed = 0;
    run_region(run_call, &c, threads);
}

/* `if (threads > 1)` was false: the compiler calls the outlined function itself, between these two. */
static _Thread_local team before_serial;
static _Thread_local atomic_long serial_taken;

void __kmpc_serialized_parallel(void *location, int32_t gtid) {
    (void)location, (void)gtid;
    threads_pushed = 0;
    before_serial = here;
    atomic_store_explicit(&serial_taken, 0, memory_order_relaxed);
    here = (team){.ids = 1, .taken = &serial_taken};
}

void __kmpc_end_serialized_parallel(void *location, int32_t gtid) {
    (void)location, (void)gtid;
    here = before_serial;
}

/* schedule(static): this id's share of the iterations lower, lower + step ... upper; the last ids' shares may be empty. */
#define STATIC_INIT(suffix, type, signed_type)                                                                                        \
    void __kmpc_for_static_init_##suffix(void *location, int32_t gtid, int32_t schedule, int32_t *is_last, type *lower, type *upper,  \
                                         signed_type *stride, signed_type step, signed_type chunk) {                                  \
        (void)location, (void)gtid, (void)schedule, (void)chunk;                                                                      \
        int64_t trips = (int64_t)(*upper - *lower) / step + 1, each = trips / here.ids, more = trips % here.ids;                      \
        int64_t first = here.id * each + cg_min64(here.id, more), count = each + (here.id < more);                                    \
        *upper = (type)(*lower + (type)((first + count - 1) * step));                                                                 \
        *lower = (type)(*lower + (type)(first * step));                                                                               \
        *stride = (signed_type)(trips * step);                                                                                        \
        if (is_last) *is_last = first + count == trips && count > 0;                                                                  \
    }
STATIC_INIT(4, int32_t, int32_t)
STATIC_INIT(4u, uint32_t, int32_t)
STATIC_INIT(8, int64_t, int64_t)
STATIC_INIT(8u, uint64_t, int64_t)
void __kmpc_for_static_fini(void *location, int32_t gtid) { (void)location, (void)gtid; }

/* schedule(dynamic); Clang's bounds are inclusive. */
#define DISPATCH(suffix, type, signed_type)                                                                                           \
    void __kmpc_dispatch_init_##suffix(void *location, int32_t gtid, int32_t schedule, type lower, type upper, signed_type step,      \
                                       signed_type chunk) {                                                                           \
        (void)location, (void)gtid, (void)schedule;                                                                                   \
        here.start = (long)lower;                                                                                                     \
        here.end = (long)upper + (step > 0 ? 1 : -1);                                                                                 \
        here.step = step;                                                                                                             \
        here.chunk = chunk > 0 ? chunk : 1;                                                                                           \
    }                                                                                                                                 \
    int32_t __kmpc_dispatch_next_##suffix(void *location, int32_t gtid, int32_t *is_last, type *lower, type *upper,                   \
                                          signed_type *step) {                                                                        \
        (void)location, (void)gtid;                                                                                                   \
        long first, last;                                                                                                             \
        if (!next_chunk(&first, &last)) return 0;                                                                                     \
        *lower = (type)first;                                                                                                         \
        *upper = (type)(last - (here.step > 0 ? 1 : -1));                                                                             \
        *step = (signed_type)here.step;                                                                                               \
        if (is_last) *is_last = last == here.end;                                                                                     \
        return 1;                                                                                                                     \
    }
DISPATCH(4, int32_t, int32_t)
DISPATCH(4u, uint32_t, int32_t)
DISPATCH(8, int64_t, int64_t)
DISPATCH(8u, uint64_t, int64_t)
