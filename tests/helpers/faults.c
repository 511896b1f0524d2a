/* Fails the k-th call that writes below a folder, or all from it on: preload this.

   FAULT_ROOT     only calls on paths below this folder are counted
   FAULT_CONTROL  file of struct control, shared by all processes
*/
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
#include <sys/stat.h>
#include <unistd.h>

struct control {
    int armed;  /* number of the call that fails, from 1; 0: count only */
    int error;  /* errno of the failure */
    int calls;  /* number of calls so far */
    int lasting; /* 1: all later calls fail too, as on a disk that stays full */
    char call[32];
    char path[PATH_MAX];
};

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static struct control *control;
static const char *root;

__attribute__((constructor)) static void start(void) {
    const char *name = getenv("FAULT_CONTROL");
    root = getenv("FAULT_ROOT");
    int file = name ? REAL(open)(name, O_RDWR) : -1;
    if (file < 0 || !root) return;
    void *memory = mmap(0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory != MAP_FAILED) control = memory;
}

static int fails(const char *call, int folder, const char *name) {
    char link[64], path[PATH_MAX * 2];
    if (!control) return 0;
    if (name && name[0] == '/') {
        snprintf(path, sizeof path, "%s", name);
    } else {
        if (folder == AT_FDCWD) strcpy(link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t size = readlink(link, path, PATH_MAX);
        if (size < 0) return 0;
        snprintf(path + size, sizeof path - size, "%s%s", name ? "/" : "", name ? name : "");
    }
    if (strncmp(path, root, strlen(root))) return 0;
    int number = __atomic_add_fetch(&control->calls, 1, __ATOMIC_SEQ_CST);
    if (!control->armed || number < control->armed) return 0;
    if (number > control->armed) {
        errno = control->error;
        return control->lasting;
    }
    snprintf(control->call, sizeof control->call, "%s", call);
    snprintf(control->path, sizeof control->path, "%.4000s", path);
    errno = control->error;
    return 1;
}


#define WRITES (O_WRONLY | O_RDWR | O_CREAT)

#define OPEN(name)                                                              \
    int name(const char *path, int flags, ...) {                                \
        va_list rest; va_start(rest, flags);                                    \
        int mode = va_arg(rest, int); va_end(rest);                             \
        if ((flags & WRITES) && fails("open", AT_FDCWD, path)) return -1;       \
        return REAL(name)(path, flags, mode);                                   \
    }
#define OPENAT(name)                                                            \
    int name(int folder, const char *path, int flags, ...) {                    \
        va_list rest; va_start(rest, flags);                                    \
        int mode = va_arg(rest, int); va_end(rest);                             \
        if ((flags & WRITES) && fails("openat", folder, path)) return -1;       \
        return REAL(name)(folder, path, flags, mode);                           \
    }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int file, const void *data, size_t size) {
    return fails("write", file, 0) ? -1 : REAL(write)(file, data, size);
}
int fsync(int file) { return fails("fsync", file, 0) ? -1 : REAL(fsync)(file); }
int ftruncate(int file, off_t size) {
    return fails("ftruncate", file, 0) ? -1 : REAL(ftruncate)(file, size);
}
int ftruncate64(int file, off64_t size) {
    return fails("ftruncate", file, 0) ? -1 : REAL(ftruncate64)(file, size);
}
int mkdir(const char *path, mode_t mode) {
    return fails("mkdir", AT_FDCWD, path) ? -1 : REAL(mkdir)(path, mode);
}
int mkdirat(int folder, const char *path, mode_t mode) {
    return fails("mkdirat", folder, path) ? -1 : REAL(mkdirat)(folder, path, mode);
}
int rename(const char *from, const char *to) {
    return fails("rename", AT_FDCWD, to) ? -1 : REAL(rename)(from, to);
}
int renameat(int source, const char *from, int target, const char *to) {
    return fails("renameat", target, to) ? -1 : REAL(renameat)(source, from, target, to);
}
int unlink(const char *path) {
    return fails("unlink", AT_FDCWD, path) ? -1 : REAL(unlink)(path);
}
int unlinkat(int folder, const char *path, int flags) {
    return fails("unlinkat", folder, path) ? -1 : REAL(unlinkat)(folder, path, flags);
}
int rmdir(const char *path) {
    return fails("rmdir", AT_FDCWD, path) ? -1 : REAL(rmdir)(path);
}
int utimensat(int folder, const char *path, const struct timespec times[2], int flags) {
    return fails("utimensat", folder, path) ? -1 : REAL(utimensat)(folder, path, times, flags);
}
