/* A file system that fails at the n-th call below one folder; for scripts/fault_injection.py, by LD_PRELOAD (Linux, glibc).

Counted are calls that open, read, write, bring to the disk, rename, link, unlink, cut or make what lies below the folder, in
this process and those that it forks. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum { OTHER, TAKES_ROOM, READS };

static char below[PATH_MAX];
static size_t length;
static long *calls; /* shared with forked processes */
static long from, to;
static int number, full, shorter;

/* Calls `first` to `last` fail with `error`; with ENOSPC only those that take room; with error 0 writes are cut in half. */
void failing_disk_arm(const char *folder, long first, long last, int error) {
    calls = mmap(NULL, sizeof(long), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    from = first, to = last, number = error, full = error == ENOSPC, shorter = error == 0;
    length = strlen(folder);
    memcpy(below, folder, length + 1);
}

long failing_disk_calls(void) { return calls ? *calls : 0; }

static int is_below(const char *path) {
    return path && strncmp(path, below, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int is_open_below(int descriptor) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0) return 0;
    path[size] = 0;
    return is_below(path);
}

static int is_turn(void) {
    long call = __sync_add_and_fetch(calls, 1);
    return call >= from && call <= to;
}

static int fails(int kind) {
    if (!is_turn() || shorter || (full && kind != TAKES_ROOM)) return 0;
    errno = number;
    return 1;
}

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

#define OPEN(name)                                                                  \
    int name(const char *path, int flags, ...) {                                    \
        va_list more;                                                               \
        va_start(more, flags);                                                      \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;     \
        va_end(more);                                                               \
        if (calls && is_below(path) && fails(flags & O_CREAT ? TAKES_ROOM : OTHER)) return -1; \
        return REAL(name)(path, flags, mode);                                       \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                \
    int name(int folder, const char *path, int flags, ...) {                        \
        va_list more;                                                               \
        va_start(more, flags);                                                      \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;     \
        va_end(more);                                                               \
        if (calls && is_below(path) && fails(flags & O_CREAT ? TAKES_ROOM : OTHER)) return -1; \
        return REAL(name)(folder, path, flags, mode);                               \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t read(int descriptor, void *into, size_t size) {
    if (calls && is_open_below(descriptor) && fails(READS)) return -1;
    return REAL(read)(descriptor, into, size);
}

static int cut(int descriptor, size_t *size) {
    if (!calls || !is_open_below(descriptor)) return 0;
    if (shorter && is_turn() && *size > 1) *size /= 2;
    return !shorter && fails(TAKES_ROOM);
}

ssize_t write(int descriptor, const void *from_, size_t size) {
    return cut(descriptor, &size) ? -1 : REAL(write)(descriptor, from_, size);
}
ssize_t pwrite(int descriptor, const void *from_, size_t size, off_t at) {
    return cut(descriptor, &size) ? -1 : REAL(pwrite)(descriptor, from_, size, at);
}
ssize_t pwrite64(int descriptor, const void *from_, size_t size, off64_t at) {
    return cut(descriptor, &size) ? -1 : REAL(pwrite64)(descriptor, from_, size, at);
}

#define BY_DESCRIPTOR(name, kind, parameters, arguments)             \
    int name parameters {                                            \
        if (calls && is_open_below(descriptor) && fails(kind)) return -1; \
        return REAL(name) arguments;                                 \
    }
BY_DESCRIPTOR(fsync, TAKES_ROOM, (int descriptor), (descriptor))
BY_DESCRIPTOR(fdatasync, TAKES_ROOM, (int descriptor), (descriptor))
BY_DESCRIPTOR(ftruncate, OTHER, (int descriptor, off_t size), (descriptor, size))
BY_DESCRIPTOR(ftruncate64, OTHER, (int descriptor, off64_t size), (descriptor, size))

#define BY_PATH(name, kind, parameters, arguments)           \
    int name parameters {                                    \
        if (calls && is_below(path) && fails(kind)) return -1; \
        return REAL(name) arguments;                         \
    }
BY_PATH(rename, OTHER, (const char *path, const char *to_), (path, to_))
BY_PATH(renameat, OTHER, (int folder, const char *path, int other, const char *to_), (folder, path, other, to_))
BY_PATH(link, TAKES_ROOM, (const char *path, const char *to_), (path, to_))
BY_PATH(unlink, OTHER, (const char *path), (path))
BY_PATH(unlinkat, OTHER, (int folder, const char *path, int flags), (folder, path, flags))
BY_PATH(mkdir, TAKES_ROOM, (const char *path, mode_t mode), (path, mode))
BY_PATH(rmdir, OTHER, (const char *path), (path))
