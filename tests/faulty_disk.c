/* A disk that fails, for tests: preloaded, it lets calls on files below a folder fail, wait or hang.
 *
 * FAULTY_DISK_ROOT is the folder, FAULTY_DISK_CONTROL a file: as long as it is there its only line says what happens,
 * `CALLS DOES`: CALLS are names joined by commas out of open, read, write, sync, name (rename, link, unlink, mkdir, rmdir),
 * look (stat, statvfs, opendir), or `all`. DOES is an error (EIO, ENOSPC, EROFS, ENOENT), `sleep SECONDS`, or `hang`: until
 * the file is gone or says something else. `@TEXT` at the end: only where the path holds that text. A call that takes up or gives back nothing (close, lseek, fstat) never fails.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int is_below(const char *path) {
    const char *root = getenv("FAULTY_DISK_ROOT");
    size_t length = root ? strlen(root) : 0;
    return length && !strncmp(path, root, length) && (path[length] == '/' || !path[length]);
}

static int path_of(int handle, const char *name, char *into, size_t size) {
    char link[64];
    ssize_t length;
    if (name && name[0] == '/') return snprintf(into, size, "%s", name) < (int)size;
    if (handle == AT_FDCWD)
        length = getcwd(into, size) ? (ssize_t)strlen(into) : -1;
    else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
        length = syscall(SYS_readlinkat, AT_FDCWD, link, into, size - 1);
    }
    if (length < 0) return 0;
    into[length] = 0;
    if (name && *name) snprintf(into + length, size - length, "/%s", name);
    return 1;
}

static int read_control(char *into, size_t size) {
    const char *control = getenv("FAULTY_DISK_CONTROL");
    int handle = control ? (int)syscall(SYS_openat, AT_FDCWD, control, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length;
    if (handle < 0) return 0;
    length = syscall(SYS_read, handle, into, size - 1);
    syscall(SYS_close, handle);
    into[length > 0 ? length : 0] = 0;
    return length > 0;
}

static const char *wanted(const char *call, const char *path, char *line) { /* what the line does, NULL: nothing */
    char *does = strchr(line, ' ');
    char *only = strchr(line, '@');
    char *state = NULL;
    if (only) {
        only[strcspn(only, "\n")] = 0;
        if (!strstr(path, only + 1)) return NULL;
    }
    if (!does) return NULL;
    *does++ = 0;
    for (char *name = strtok_r(line, ",", &state); name; name = strtok_r(NULL, ",", &state))
        if (!strcmp(name, "all") || !strcmp(name, call)) return does;
    return NULL;
}

static void pause_s(double length_s) {
    struct timespec length = {(time_t)length_s, (long)((length_s - (time_t)length_s) * 1e9)};
    nanosleep(&length, NULL);
}

/* Return 1, with errno set, when the call is to fail. */
static int fails(const char *call, int handle, const char *name) {
    char path[4200], line[200];
    const char *does;
    int before = errno;
    if (!getenv("FAULTY_DISK_CONTROL") || access(getenv("FAULTY_DISK_CONTROL"), F_OK)) {
        errno = before;
        return 0;
    }
    if (!path_of(handle, name, path, sizeof path) || !is_below(path)) {
        errno = before;
        return 0;
    }
    while (read_control(line, sizeof line) && (does = wanted(call, path, line))) {
        if (!strncmp(does, "hang", 4)) {
            pause_s(0.05);
            continue;
        }
        if (!strncmp(does, "sleep ", 6)) {
            pause_s(atof(does + 6));
            break;
        }
        errno = !strncmp(does, "ENOSPC", 6)   ? ENOSPC
                : !strncmp(does, "EROFS", 5)  ? EROFS
                : !strncmp(does, "ENOENT", 6) ? ENOENT
                                              : EIO;
        return 1;
    }
    errno = before;
    return 0;
}

#define OPENS(name, at, first, pass)                                                                                   \
    int name first {                                                                                                   \
        mode_t mode = 0;                                                                                               \
        if (flags & (O_CREAT | __O_TMPFILE)) {                                                                         \
            va_list rest;                                                                                              \
            va_start(rest, flags);                                                                                     \
            mode = va_arg(rest, mode_t);                                                                               \
            va_end(rest);                                                                                              \
        }                                                                                                              \
        return fails("open", at, path) ? -1 : REAL(name) pass;                                                         \
    }
OPENS(open, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPENS(open64, AT_FDCWD, (const char *path, int flags, ...), (path, flags, mode))
OPENS(openat, folder, (int folder, const char *path, int flags, ...), (folder, path, flags, mode))
OPENS(openat64, folder, (int folder, const char *path, int flags, ...), (folder, path, flags, mode))

#define ON_HANDLE(kind, name, call, first, pass)                                                                       \
    kind name first { return fails(call, handle, NULL) ? -1 : REAL(name) pass; }
ON_HANDLE(ssize_t, write, "write", (int handle, const void *data, size_t size), (handle, data, size))
ON_HANDLE(ssize_t, writev, "write", (int handle, const struct iovec *data, int size), (handle, data, size))
ON_HANDLE(ssize_t, pwrite, "write", (int handle, const void *data, size_t size, off_t at), (handle, data, size, at))
ON_HANDLE(ssize_t, pwrite64, "write", (int handle, const void *data, size_t size, off64_t at), (handle, data, size, at))
ON_HANDLE(ssize_t, read, "read", (int handle, void *data, size_t size), (handle, data, size))
ON_HANDLE(ssize_t, pread, "read", (int handle, void *data, size_t size, off_t at), (handle, data, size, at))
ON_HANDLE(ssize_t, pread64, "read", (int handle, void *data, size_t size, off64_t at), (handle, data, size, at))
ON_HANDLE(int, fsync, "sync", (int handle), (handle))
ON_HANDLE(int, fdatasync, "sync", (int handle), (handle))
ON_HANDLE(int, ftruncate, "write", (int handle, off_t size), (handle, size))
ON_HANDLE(int, ftruncate64, "write", (int handle, off64_t size), (handle, size))
ON_HANDLE(int, fallocate, "write", (int handle, int mode, off_t at, off_t size), (handle, mode, at, size))
ON_HANDLE(int, fallocate64, "write", (int handle, int mode, off64_t at, off64_t size), (handle, mode, at, size))

#define ON_PATH(kind, name, call, at, path, first, pass)                                                               \
    kind name first { return fails(call, at, path) ? (kind)-1 : REAL(name) pass; }
ON_PATH(int, rename, "name", AT_FDCWD, to, (const char *from, const char *to), (from, to))
ON_PATH(int, renameat, "name", at, to, (int by, const char *from, int at, const char *to), (by, from, at, to))
ON_PATH(int, link, "name", AT_FDCWD, to, (const char *from, const char *to), (from, to))
ON_PATH(int, linkat, "name", at, to, (int by, const char *from, int at, const char *to, int f), (by, from, at, to, f))
ON_PATH(int, unlink, "name", AT_FDCWD, path, (const char *path), (path))
ON_PATH(int, unlinkat, "name", at, path, (int at, const char *path, int flags), (at, path, flags))
ON_PATH(int, mkdir, "name", AT_FDCWD, path, (const char *path, mode_t mode), (path, mode))
ON_PATH(int, mkdirat, "name", at, path, (int at, const char *path, mode_t mode), (at, path, mode))
ON_PATH(int, rmdir, "name", AT_FDCWD, path, (const char *path), (path))
ON_PATH(int, stat, "look", AT_FDCWD, path, (const char *restrict path, struct stat *restrict into), (path, into))
ON_PATH(int, stat64, "look", AT_FDCWD, path, (const char *restrict path, struct stat64 *restrict into), (path, into))
ON_PATH(int, lstat, "look", AT_FDCWD, path, (const char *restrict path, struct stat *restrict into), (path, into))
ON_PATH(int, lstat64, "look", AT_FDCWD, path, (const char *restrict path, struct stat64 *restrict into), (path, into))
ON_PATH(int, fstatat, "look", at, path, (int at, const char *restrict path, struct stat *restrict into, int flags),
        (at, path, into, flags))
ON_PATH(int, fstatat64, "look", at, path, (int at, const char *restrict path, struct stat64 *restrict into, int flags),
        (at, path, into, flags))
ON_PATH(int, statvfs, "look", AT_FDCWD, path, (const char *restrict path, struct statvfs *restrict into), (path, into))
ON_PATH(int, statvfs64, "look", AT_FDCWD, path, (const char *restrict path, struct statvfs64 *restrict into),
        (path, into))

DIR *opendir(const char *path) { return fails("look", AT_FDCWD, path) ? NULL : REAL(opendir)(path); }
