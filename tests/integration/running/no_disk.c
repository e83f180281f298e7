/* A disk that breaks while the app runs: fsync of a file in the folder FAILING fails with EIO, or its writes with
   ENOSPC, from the moment that FAILING/eio or FAILING/enospc is there. Preloaded by a test. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int failing(int fd, const char *how) {
    char name[64], path[4096], flag[4096];
    const char *folder = getenv("FAILING");
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (folder == NULL || length < 0) return 0;
    path[length] = 0;
    if (strncmp(path, folder, strlen(folder)) != 0 || strstr(path, ".db") == NULL) return 0;
    snprintf(flag, sizeof flag, "%s/%s", folder, how);
    return access(flag, F_OK) == 0;
}

int fsync(int fd) {
    if (failing(fd, "eio")) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}

int fdatasync(int fd) {
    if (failing(fd, "eio")) { errno = EIO; return -1; }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    if (failing(fd, "enospc")) { errno = ENOSPC; return -1; }
    return ((ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64"))(fd, bytes, count, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
    if (failing(fd, "enospc")) { errno = ENOSPC; return -1; }
    return ((ssize_t (*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite"))(fd, bytes, count, at);
}

ssize_t write(int fd, const void *bytes, size_t count) {
    if (failing(fd, "enospc")) { errno = ENOSPC; return -1; }
    return ((ssize_t (*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write"))(fd, bytes, count);
}
