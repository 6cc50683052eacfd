/* A machine's wall clock that tests can set: preloaded into the service's processes (tests/faked_time.py).

   The file named by CLOCK_SHIM holds, in native 64-bit integers: a count, then (real, offset) pairs in nanoseconds:
   from that instant of the real clock on, the faked one is so far ahead. It is mapped, so that all processes see a step
   at once. Monotonic clocks are left alone, as the kernel leaves them. The mtime of a file is what the faked clock
   showed when it was written; a file from before the first step keeps its own.

   Not libfaketime: 0.9.10 makes Python's time.sleep fail (a clock_nanosleep by the monotonic clock gets EINVAL), and
   moves the mtime of every file, old ones too, by whatever the offset is now. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define STEPS 512
#define SECOND 1000000000LL

static const volatile struct {
    int64_t count;
    struct { int64_t real, offset; } steps[STEPS];
} *clock_file;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("CLOCK_SHIM");
    int handle = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (handle < 0) return;
    void *found = mmap(NULL, sizeof *clock_file, PROT_READ, MAP_SHARED, handle, 0);
    clock_file = found == MAP_FAILED ? NULL : found;
    close(handle);
}

static int64_t offset_at(int64_t real) {
    if (!clock_file) return 0;
    for (int64_t number = clock_file->count - 1; number >= 0; number--)
        if (clock_file->steps[number].real <= real) return clock_file->steps[number].offset;
    return 0;
}

static void fake(struct timespec *instant) {
    int64_t real = instant->tv_sec * SECOND + instant->tv_nsec;
    int64_t shown = real + offset_at(real);
    instant->tv_sec = shown / SECOND;
    instant->tv_nsec = shown % SECOND;
}

int clock_gettime(clockid_t clock, struct timespec *instant) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int answer = real(clock, instant);
    if (answer == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) fake(instant);
    return answer;
}

int gettimeofday(struct timeval *restrict instant, void *restrict zone) {
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now)) return -1;
    instant->tv_sec = now.tv_sec;
    instant->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *instant) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (instant) *instant = now.tv_sec;
    return now.tv_sec;
}

/* On 64-bit Linux each of these has the same layout with and without the suffix. */
#define FAKED(name, parameters, arguments)                                  \
    int name parameters {                                                   \
        static int(*real) parameters;                                       \
        if (!real) real = dlsym(RTLD_NEXT, #name);                          \
        int answer = real arguments;                                        \
        if (answer == 0) fake(&status->st_mtim), fake(&status->st_ctim);    \
        return answer;                                                      \
    }

FAKED(stat, (const char *restrict path, struct stat *restrict status), (path, status))
FAKED(lstat, (const char *restrict path, struct stat *restrict status), (path, status))
FAKED(fstat, (int handle, struct stat *status), (handle, status))
FAKED(fstatat, (int folder, const char *restrict path, struct stat *restrict status, int flags),
      (folder, path, status, flags))
FAKED(stat64, (const char *restrict path, struct stat64 *restrict status), (path, status))
FAKED(lstat64, (const char *restrict path, struct stat64 *restrict status), (path, status))
FAKED(fstat64, (int handle, struct stat64 *status), (handle, status))
FAKED(fstatat64, (int folder, const char *restrict path, struct stat64 *restrict status, int flags),
      (folder, path, status, flags))
