/* replay.c: runs recorded kernel calls and writes what they computed, on the machine and with the compiler that it was built for.
 * tests/test_embed.py records the calls of all entries of cygrad.testing, and compares.
 *
 *     replay ISA THREADS CALLS RESULTS
 *
 * A file of calls has, for each: the kernel's number in kernels.def, then its arguments in order, each as its kind, its size in bytes
 * and its bytes; integers are 64 bits. The results are the outputs' bytes, one after another. Every array touches a page that
 * may not be accessed, in turn at its end and at its beginning, so reading or writing one element too many is a fault. */
#define _GNU_SOURCE
#include "cygrad.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SCALAR, INPUT, OUTPUT, NOTHING, MOST_ARGUMENTS = 32 };

struct argument {
    int64_t kind, size;
    union { void *p; int64_t i; float f; }; /* an array, an integer, a float */
    char *pages;
    size_t pages_size;
};

/* CALL(name, number of arguments, argument 0 as name's type wants it, ...) for each kernel, from kernels.def */
#define CALL(name, count, ...) \
    static int call_##name(const struct argument *a) { return cg_##name(__VA_ARGS__); }
#include "calls.inc"
#undef CALL

static const struct { const char *name; int count; int (*call)(const struct argument *); } kernels[] = {
#define CALL(name, count, ...) {#name, count, call_##name},
#include "calls.inc"
#undef CALL
};

static void require(int condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "replay: %s\n", what);
    exit(1);
}

static void read_all(void *p, size_t size, FILE *f) { require(fread(p, 1, size, f) == size, "the file of calls is cut off"); }

static void read_array(struct argument *a, int at_end, FILE *f) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (size_t)a->size, room = (size + page - 1) / page * page;
    a->pages_size = room + 2 * page;
    a->pages = mmap(NULL, a->pages_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(a->pages != MAP_FAILED, "no memory");
    require(!mprotect(a->pages, page, PROT_NONE) && !mprotect(a->pages + page + room, page, PROT_NONE), "mprotect");
    a->p = a->pages + page + (at_end ? room - size : 0);
    read_all(a->p, size, f);
    if (a->kind == INPUT) require(!room || !mprotect(a->pages + page, room, PROT_READ), "mprotect"); /* and stays as it is */
}

static void run_call(int64_t kernel, int at_end, FILE *calls, FILE *results) {
    struct argument a[MOST_ARGUMENTS] = {0};
    const int count = kernels[kernel].count;
    for (int i = 0; i < count; i++) {
        read_all(&a[i].kind, 16, calls);
        if (a[i].kind == SCALAR) read_all(&a[i].i, 8, calls);
        else if (a[i].kind == NOTHING) a[i].p = NULL;
        else read_array(&a[i], at_end, calls);
    }
    const int status = kernels[kernel].call(a);
    if (status) fprintf(stderr, "%s: ", kernels[kernel].name);
    require(!status, cg_status_message(status));
    for (int i = 0; i < count; i++) {
        if (a[i].kind == OUTPUT) require(fwrite(a[i].p, 1, (size_t)a[i].size, results) == (size_t)a[i].size, "cannot write");
        if (a[i].kind == INPUT || a[i].kind == OUTPUT) munmap(a[i].pages, a[i].pages_size);
    }
}

int main(int argc, char **argv) {
    require(argc == 5, "usage: replay ISA THREADS CALLS RESULTS");
    require(cg_init(argv[1]) == CG_OK, "this CPU lacks the instruction set");
    cg_set_num_threads(atoi(argv[2]));
    FILE *calls = fopen(argv[3], "rb"), *results = fopen(argv[4], "wb");
    require(calls && results, "cannot open the files");
    int64_t kernel;
    for (int n = 0; fread(&kernel, 1, 8, calls) == 8; n++) {
        require(kernel >= 0 && kernel < (int64_t)(sizeof kernels / sizeof *kernels), "no such kernel");
        run_call(kernel, n % 2, calls, results);
    }
    fclose(calls);
    require(!fclose(results), "cannot write");
    cg_alloc_trim();
    return cg_alloc_stats().in_use != 0;
}
