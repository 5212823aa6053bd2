/* Writes down, in order, what a process does to the files below one folder: what the power-cut drill plays back.

   Preloaded (LD_PRELOAD) into what is traced, with POWER_CUT_FOLDER, the folder's real path, and POWER_CUT_LOG, a file
   that is there already.  Each call is made and written down under one lock, across threads and processes: the order
   in the log is the order on the disk, and a sync is written down when it has returned.

   Not seen: what is written through a mapping or through the C library's own streams (fopen).  The drill finds out:
   it compares what the log gives with what the folder holds. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct record {          /* then `name` and `other` bytes of paths, then `data` bytes that were written */
    uint32_t what;       /* one of the letters below */
    uint32_t name, other, data;
    uint64_t inode, offset;
};
enum { CREATED = 'c', FOLDER = 'd', WRITTEN = 'w', CUT_TO = 't', SYNCED = 's', LINKED = 'l', RENAMED = 'r', REMOVED = 'u' };

#define REAL(name, type, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, name)

static char folder[PATH_MAX];
static size_t folder_length;
static int log_handle = -1;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

__attribute__((constructor)) static void begin(void) {
    REAL("open", int, const char *, int, ...);
    const char *file = getenv("POWER_CUT_LOG");
    const char *below = getenv("POWER_CUT_FOLDER");
    if (!file || !below) return;
    /* A copy: PostgreSQL writes what its processes do over the environment, for `ps` to show. */
    folder_length = (size_t)snprintf(folder, sizeof folder, "%s", below);
    log_handle = real(file, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (log_handle < 0) {
        perror("power_cut: the log cannot be opened");
        _exit(97);
    }
}

/* Threads wait for the mutex, processes for the lock of the log: it belongs to a process, and goes when that dies. */
static void lock(void) {
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    pthread_mutex_lock(&mutex);
    while (fcntl(log_handle, F_SETLKW, &whole) < 0 && errno == EINTR) {}
}

static void unlock(void) {
    struct flock whole = {.l_type = F_UNLCK, .l_whence = SEEK_SET};
    int kept = errno;
    fcntl(log_handle, F_SETLK, &whole);
    pthread_mutex_unlock(&mutex);
    errno = kept;
}

static void all(const void *data, size_t length) {
    REAL("write", ssize_t, int, const void *, size_t);
    const char *from = data;
    while (length) {
        ssize_t n = real(log_handle, from, length);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {  /* a log with a hole would prove something that did not happen */
            perror("power_cut: the log cannot be written");
            _exit(97);
        }
        from += n, length -= (size_t)n;
    }
}

static void note(int what, uint64_t inode, const char *name, const char *other, uint64_t offset) {
    struct record head = {what, strlen(name), strlen(other), 0, inode, offset};
    int kept = errno;
    all(&head, sizeof head);
    all(name, head.name);
    all(other, head.other);
    errno = kept;
}

static void note_written(uint64_t inode, uint64_t offset, const struct iovec *parts, int count, size_t length) {
    struct record head = {WRITTEN, 0, 0, (uint32_t)length, inode, offset};
    int kept = errno;
    all(&head, sizeof head);
    for (int n = 0; n < count && length; n++) {
        size_t some = parts[n].iov_len < length ? parts[n].iov_len : length;
        all(parts[n].iov_base, some);
        length -= some;
    }
    errno = kept;
}

static int within(const char *path) {
    return !strncmp(path, folder, folder_length) && (path[folder_length] == '/' || !path[folder_length]);
}

static void read_link(const char *link, char *path) {
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n < 0 ? 0 : n] = 0;
}

/* Whether a handle is of something below the folder; its path as the kernel knows it, and its inode. */
static int traced(int handle, char *path, uint64_t *inode) {
    char link[64];
    struct stat found;
    int kept = errno, yes = 0;
    if (log_handle >= 0 && handle >= 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
        read_link(link, path);
        yes = within(path) && !fstat(handle, &found);
        if (yes) *inode = found.st_ino;
    }
    errno = kept;
    return yes;
}

/* The same for a path that may be relative. */
static int named(int at, const char *path, char *whole) {
    char link[64] = "/proc/self/cwd";
    int kept = errno;
    if (log_handle < 0) return 0;
    if (path[0] == '/') {
        snprintf(whole, PATH_MAX, "%s", path);
    } else {
        if (at != AT_FDCWD) snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        read_link(link, whole);
        size_t length = strlen(whole);
        snprintf(whole + length, PATH_MAX - length, "/%s", path);
    }
    errno = kept;
    return within(whole);
}

static uint64_t inode_of(const char *path) {
    struct stat found;
    int kept = errno;
    uint64_t inode = lstat(path, &found) ? 0 : found.st_ino;
    errno = kept;
    return inode;
}

static uint64_t size_of(int handle) {
    struct stat found;
    return fstat(handle, &found) ? 0 : (uint64_t)found.st_size;
}

/* Opening: makes a name, or cuts a file to nothing. */

static int opened(int at, const char *path, int flags, mode_t mode) {
    REAL("openat", int, int, const char *, int, ...);
    char whole[PATH_MAX];
    uint64_t inode;
    struct stat before;
    if (log_handle < 0 || !(flags & (O_CREAT | O_TRUNC))) return real(at, path, flags, mode);
    lock();
    int kept = errno, there = !fstatat(at, path, &before, 0);
    errno = kept;
    int handle = real(at, path, flags, mode);
    if (traced(handle, whole, &inode)) {
        if (!there) note(CREATED, inode, whole, "", 0);
        else if (flags & O_TRUNC && before.st_size) note(CUT_TO, inode, whole, "", 0);
    }
    unlock();
    return handle;
}

#define MODE(flags) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | __O_TMPFILE)) { \
        va_list more; \
        va_start(more, flags); \
        mode = va_arg(more, mode_t); \
        va_end(more); \
    }
#define OPEN(name) int name(const char *path, int flags, ...) { MODE(flags) return opened(AT_FDCWD, path, flags, mode); }
#define OPEN_AT(name) int name(int at, const char *path, int flags, ...) { MODE(flags) return opened(at, path, flags, mode); }
OPEN(open)
OPEN(open64)
OPEN_AT(openat)
OPEN_AT(openat64)

/* Writing. */

#define WRITES(call, parts, count, where) \
    char path[PATH_MAX]; \
    uint64_t inode; \
    if (!traced(handle, path, &inode)) return call; \
    lock(); \
    ssize_t n = call; \
    if (n > 0) note_written(inode, where, parts, count, (size_t)n); \
    unlock(); \
    return n;

ssize_t write(int handle, const void *data, size_t length) {
    REAL("write", ssize_t, int, const void *, size_t);
    struct iovec part = {(void *)data, length};
    /* Where it stands now is where it ended, also when it was appended. */
    WRITES(real(handle, data, length), &part, 1, (uint64_t)(lseek(handle, 0, SEEK_CUR) - n))
}

ssize_t writev(int handle, const struct iovec *parts, int count) {
    REAL("writev", ssize_t, int, const struct iovec *, int);
    WRITES(real(handle, parts, count), parts, count, (uint64_t)(lseek(handle, 0, SEEK_CUR) - n))
}

#define PWRITE(name) ssize_t name(int handle, const void *data, size_t length, off_t offset) { \
    REAL(#name, ssize_t, int, const void *, size_t, off_t); \
    struct iovec part = {(void *)data, length}; \
    WRITES(real(handle, data, length, offset), &part, 1, (uint64_t)offset) }
PWRITE(pwrite)
PWRITE(pwrite64)

#define PWRITEV(name) ssize_t name(int handle, const struct iovec *parts, int count, off_t offset) { \
    REAL(#name, ssize_t, int, const struct iovec *, int, off_t); \
    WRITES(real(handle, parts, count, offset), parts, count, (uint64_t)offset) }
PWRITEV(pwritev)
PWRITEV(pwritev64)

/* Sizes. */

#define SIZES(call, wanted) \
    char path[PATH_MAX]; \
    uint64_t inode; \
    if (!traced(handle, path, &inode)) return call; \
    lock(); \
    int failed = call; \
    if (!failed) note(CUT_TO, inode, path, "", wanted); \
    unlock(); \
    return failed;

#define TRUNCATE(name) int name(int handle, off_t length) { \
    REAL(#name, int, int, off_t); \
    SIZES(real(handle, length), (uint64_t)length) }
TRUNCATE(ftruncate)
TRUNCATE(ftruncate64)

#define ALLOCATE(name) int name(int handle, off_t offset, off_t length) { \
    REAL(#name, int, int, off_t, off_t); \
    SIZES(real(handle, offset, length), size_of(handle)) }
ALLOCATE(posix_fallocate)
ALLOCATE(posix_fallocate64)

/* Names. */

#define NAMES(call, what, at, path) \
    char whole[PATH_MAX]; \
    if (!named(at, path, whole)) return call; \
    lock(); \
    int failed = call; \
    if (!failed) note(what, inode_of(whole), whole, "", 0); \
    unlock(); \
    return failed;

int unlink(const char *path) {
    REAL("unlink", int, const char *);
    NAMES(real(path), REMOVED, AT_FDCWD, path)
}

int unlinkat(int at, const char *path, int flags) {
    REAL("unlinkat", int, int, const char *, int);
    NAMES(real(at, path, flags), REMOVED, at, path)
}

int rmdir(const char *path) {
    REAL("rmdir", int, const char *);
    NAMES(real(path), REMOVED, AT_FDCWD, path)
}

int mkdir(const char *path, mode_t mode) {
    REAL("mkdir", int, const char *, mode_t);
    NAMES(real(path, mode), FOLDER, AT_FDCWD, path)
}

int mkdirat(int at, const char *path, mode_t mode) {
    REAL("mkdirat", int, int, const char *, mode_t);
    NAMES(real(at, path, mode), FOLDER, at, path)
}

static int moved(int what, int from, const char *old, int to, const char *fresh, int flags) {
    REAL("renameat", int, int, const char *, int, const char *);
    static int (*linking)(int, const char *, int, const char *, int);
    if (!linking) *(void **)&linking = dlsym(RTLD_NEXT, "linkat");
    char before[PATH_MAX], after[PATH_MAX];
    int ours = named(to, fresh, after) && named(from, old, before);
    if (ours) lock();
    int failed = what == LINKED ? linking(from, old, to, fresh, flags) : real(from, old, to, fresh);
    if (ours) {
        if (!failed) note(what, inode_of(after), before, after, 0);
        unlock();
    }
    return failed;
}

int rename(const char *old, const char *fresh) { return moved(RENAMED, AT_FDCWD, old, AT_FDCWD, fresh, 0); }
int renameat(int from, const char *old, int to, const char *fresh) { return moved(RENAMED, from, old, to, fresh, 0); }
int link(const char *old, const char *fresh) { return moved(LINKED, AT_FDCWD, old, AT_FDCWD, fresh, 0); }
int linkat(int from, const char *old, int to, const char *fresh, int flags) { return moved(LINKED, from, old, to, fresh, flags); }

/* Syncing: of a file, or of a folder's names. */

#define SYNC(name) int name(int handle) { \
    REAL(#name, int, int); \
    char path[PATH_MAX]; \
    uint64_t inode; \
    if (!traced(handle, path, &inode)) return real(handle); \
    lock(); \
    int failed = real(handle); \
    if (!failed) note(SYNCED, inode, path, "", 0); \
    unlock(); \
    return failed; }
SYNC(fsync)
SYNC(fdatasync)
