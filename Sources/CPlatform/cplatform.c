#define _GNU_SOURCE
#include "cplatform.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#ifdef __GLIBC__
#include <malloc.h>
// Counts beyond 2 GiB.
#if __GLIBC_PREREQ(2, 33)
#define HAS_MALLINFO2 1
#endif
#endif
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

// Runs a call again while a signal interrupts it.
#define RETRYING(result, call) do { (result) = (call); } while ((result) < 0 && errno == EINTR)

int cplatform_open_at(int directory, const char *name, int create, int *descriptor)
{
    int result;
    int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0);
    RETRYING(result, openat(directory, name, flags, 0600));
    if (result < 0) return errno;
    *descriptor = result;
    return 0;
}

int cplatform_open_directory(const char *path, int *descriptor)
{
    int result;
    RETRYING(result, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (result < 0) return errno;
    *descriptor = result;
    return 0;
}

int cplatform_lock(int descriptor)
{
    int result;
    RETRYING(result, flock(descriptor, LOCK_EX | LOCK_NB));
    return result < 0 ? errno : 0;
}

int cplatform_preallocate(int descriptor, int64_t size)
{
    struct stat status;
    if (fstat(descriptor, &status) < 0) return errno;
    if (status.st_size >= size) return 0;
    int result;
#ifdef __linux__
    RETRYING(result, fallocate(descriptor, 0, status.st_size, size - status.st_size));
    if (result == 0) return 0;
    if (errno != EOPNOTSUPP) return errno;
#endif
    // The file system cannot preallocate: the length alone is a promise it may not keep.
    RETRYING(result, ftruncate(descriptor, size));
    return result < 0 ? errno : 0;
}

int cplatform_punch_hole(int descriptor, int64_t offset, int64_t count)
{
#ifdef __linux__
    int result;
    int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    RETRYING(result, fallocate(descriptor, mode, offset, count));
    return result < 0 ? errno : 0;
#else
    (void)descriptor; (void)offset; (void)count;
    return ENOTSUP;
#endif
}

#ifdef __linux__
// Older headers do not have it.
enum { dontcache = 0x80 };
#endif

static ssize_t write_some(
    int descriptor, const struct iovec *vectors, int count, int64_t offset, int passes)
{
    ssize_t written;
#ifdef __linux__
    if (passes) {
        RETRYING(written, pwritev2(descriptor, vectors, count, offset, dontcache));
        if (written >= 0 || errno != EOPNOTSUPP) return written;
    }
#endif
    RETRYING(written, pwritev(descriptor, vectors, count, offset));
    return written;
}

static ssize_t read_some(int descriptor, void *target, size_t count, int64_t offset, int passes)
{
    ssize_t bytes;
#ifdef __linux__
    if (passes) {
        struct iovec vector = {.iov_base = target, .iov_len = count};
        RETRYING(bytes, preadv2(descriptor, &vector, 1, offset, dontcache));
        if (bytes >= 0 || errno != EOPNOTSUPP) return bytes;
    }
#endif
    RETRYING(bytes, pread(descriptor, target, count, offset));
    return bytes;
}

int cplatform_write(
    int descriptor, struct iovec *vectors, int count, int64_t offset, int passes)
{
    while (count > 0) {
        if (vectors->iov_len == 0) {
            vectors++;
            count--;
            continue;
        }
        int some = count < IOV_MAX ? count : IOV_MAX;
        ssize_t written = write_some(descriptor, vectors, some, offset, passes);
        if (written < 0) return errno;
        if (written == 0) return EIO;
        offset += written;
        while (written > 0) {
            size_t part = (size_t)written < vectors->iov_len ? (size_t)written : vectors->iov_len;
            vectors->iov_base = (char *)vectors->iov_base + part;
            vectors->iov_len -= part;
            written -= (ssize_t)part;
            if (vectors->iov_len == 0 && count > 0) {
                vectors++;
                count--;
            }
        }
    }
    return 0;
}

int cplatform_read(
    int descriptor, void *target, size_t count, int64_t offset, int passes, size_t *got)
{
    *got = 0;
    while (*got < count) {
        void *rest = (char *)target + *got;
        ssize_t bytes =
            read_some(descriptor, rest, count - *got, offset + (int64_t)*got, passes);
        if (bytes < 0) return errno;
        if (bytes == 0) return 0;
        *got += (size_t)bytes;
    }
    return 0;
}

int cplatform_sync_data(int descriptor)
{
    // Not tried again: after a failed sync the kernel may have dropped the dirty pages.
#ifdef __linux__
    return fdatasync(descriptor) < 0 ? errno : 0;
#else
    return fsync(descriptor) < 0 ? errno : 0;
#endif
}

int cplatform_sync_directory(int descriptor)
{
    return fsync(descriptor) < 0 ? errno : 0;
}

int cplatform_size(int descriptor, int64_t *size)
{
    struct stat status;
    if (fstat(descriptor, &status) < 0) return errno;
    *size = status.st_size;
    return 0;
}

int cplatform_remove_at(int directory, const char *name)
{
    return unlinkat(directory, name, 0) < 0 ? errno : 0;
}

int cplatform_space(int descriptor, uint64_t *free_bytes, uint64_t *size_bytes)
{
    struct statvfs status;
    int result;
    RETRYING(result, fstatvfs(descriptor, &status));
    if (result < 0) return errno;
    *free_bytes = (uint64_t)status.f_bavail * status.f_frsize;
    *size_bytes = (uint64_t)status.f_blocks * status.f_frsize;
    return 0;
}

int cplatform_is_file(int directory, const char *name, int *is_file)
{
    struct stat status;
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0) return errno;
    *is_file = S_ISREG(status.st_mode);
    return 0;
}

void cplatform_close(int descriptor)
{
    close(descriptor);
}

struct cplatform_listing {
    DIR *directory;
};

int cplatform_list_begin(int directory, struct cplatform_listing **listing)
{
    // A second description of the directory: reading moves a position that must not be shared.
    int own;
    RETRYING(own, openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (own < 0) return errno;
    struct cplatform_listing *result = malloc(sizeof *result);
    DIR *opened = result ? fdopendir(own) : NULL;
    if (!opened) {
        int error = result ? errno : ENOMEM;
        free(result);
        close(own);
        return error;
    }
    result->directory = opened;
    *listing = result;
    return 0;
}

int cplatform_list_next(struct cplatform_listing *listing, const char **name)
{
    errno = 0;
    struct dirent *entry = readdir(listing->directory);
    *name = entry ? entry->d_name : NULL;
    return entry ? 0 : errno;
}

void cplatform_list_end(struct cplatform_listing *listing)
{
    closedir(listing->directory);
    free(listing);
}

uint64_t cplatform_wall_microseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

int cplatform_random(void *bytes, size_t count) { return getentropy(bytes, count); }

int cplatform_errno_not_found(void) { return ENOENT; }
int cplatform_errno_full(void) { return ENOSPC; }
int cplatform_errno_over_quota(void) { return EDQUOT; }
int cplatform_errno_invalid(void) { return EINVAL; }
int cplatform_errno_bad_descriptor(void) { return EBADF; }

int64_t cplatform_free_memory(void)
{
#ifdef HAS_MALLINFO2
    char text[128];
    long all, resident, shared;
    int descriptor;
    RETRYING(descriptor, open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
    if (descriptor < 0) return -1;
    ssize_t count;
    RETRYING(count, read(descriptor, text, sizeof text - 1));
    close(descriptor);
    if (count <= 0) return -1;
    text[count] = 0;
    if (sscanf(text, "%ld %ld %ld", &all, &resident, &shared) != 3) return -1;
    struct mallinfo2 info = mallinfo2();
    int64_t own = (int64_t)(resident - shared) * sysconf(_SC_PAGESIZE);
    int64_t used = (int64_t)(info.uordblks + info.hblkhd);
    return own > used ? own - used : 0;
#else
    return -1;
#endif
}

void cplatform_trim_allocator(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

int cplatform_bound_allocator(int arenas, int kept)
{
#ifdef __GLIBC__
    return mallopt(M_ARENA_MAX, arenas) == 1 && mallopt(M_MMAP_THRESHOLD, kept) == 1
        && mallopt(M_TRIM_THRESHOLD, kept) == 1;
#else
    (void)arenas; (void)kept;
    return 0;
#endif
}
