#ifndef CPLATFORM_H
#define CPLATFORM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

// System calls that Swift does not see: variadic ones, and those behind _GNU_SOURCE.
// All of them start again when a signal interrupts them, and return 0 or an errno.

// Opens a file of a directory for reading and writing, and creates it if `create` is not 0.
int cplatform_open_at(int directory, const char *name, int create, int *descriptor);
// Opens a directory.
int cplatform_open_directory(const char *path, int *descriptor);
// Takes the lock on an open file, or returns EWOULDBLOCK if another process has it.
int cplatform_lock(int descriptor);
// Makes room up to `size` bytes; what is new reads as zeroes and counts for the length.
int cplatform_preallocate(int descriptor, int64_t size);
// Gives the space of a range back; the length stays.
int cplatform_punch_hole(int descriptor, int64_t offset, int64_t count);
// Writes all bytes of the vectors one after another. Changes the vectors.
// If `passes` is not 0 the page cache does not keep them beyond their way to the disk, where the
// system can do that (Linux 6.14 and later, some file systems); elsewhere it keeps them.
int cplatform_write(
    int descriptor, struct iovec *vectors, int count, int64_t offset, int passes);
// Reads up to `count` bytes; `got` is less only at the end of the file. `passes` as above: what the
// page cache has is read from there, and stays.
int cplatform_read(
    int descriptor, void *target, size_t count, int64_t offset, int passes, size_t *got);
int cplatform_sync_data(int descriptor);
int cplatform_sync_directory(int descriptor);
int cplatform_size(int descriptor, int64_t *size);
int cplatform_remove_at(int directory, const char *name);
int cplatform_space(int descriptor, uint64_t *free_bytes, uint64_t *size_bytes);
// Whether the name in a directory is a plain file.
int cplatform_is_file(int directory, const char *name, int *is_file);
void cplatform_close(int descriptor);

// Has the allocator use at most so many arenas, take blocks of up to `kept` bytes from them, and
// give back the free end of one only once it is longer than `kept` bytes. Returns 0 where the
// allocator is another than glibc's, or refuses.
int cplatform_bound_allocator(int arenas, int kept);

// Bytes of memory that are the process's own and in no block that it has allocated: free, and kept
// by the allocator all the same. -1 where that cannot be told.
int64_t cplatform_free_memory(void);
// Gives free memory back to the system, page by page, wherever it lies between blocks.
void cplatform_trim_allocator(void);

// Names of everything in a directory, one after another; NULL after the last.
struct cplatform_listing;
int cplatform_list_begin(int directory, struct cplatform_listing **listing);
int cplatform_list_next(struct cplatform_listing *listing, const char **name);
void cplatform_list_end(struct cplatform_listing *listing);

// Microseconds since 1970, UTC.
uint64_t cplatform_wall_microseconds(void);

// Fills `bytes`, at most 256, with random ones; 0, or -1 if the system has none to give.
int cplatform_random(void *bytes, size_t count);

int cplatform_errno_not_found(void);
int cplatform_errno_full(void);
int cplatform_errno_over_quota(void);
int cplatform_errno_invalid(void);
int cplatform_errno_bad_descriptor(void);

#endif
