// A wall clock that is off by CHAOS_SKEW seconds: loaded before the C library by a node's process.
//
// The monotonic clock, and with it every timer, is as it is. faketime shifts the deadlines of timers as well, whichever
// clock they follow: a node whose clock it puts back by ten minutes sleeps ten minutes longer each time.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long skew(void) {
    static long seconds;
    static int known;
    if (!known) {
        const char *text = getenv("CHAOS_SKEW");
        seconds = text ? strtol(text, NULL, 10) : 0;
        known = 1;
    }
    return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    int result = (int)syscall(SYS_clock_gettime, clock, time);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += skew();
    return result;
}

int gettimeofday(struct timeval *time, void *zone) {
    int result = (int)syscall(SYS_gettimeofday, time, zone);
    if (result == 0) time->tv_sec += skew();
    return result;
}

time_t time(time_t *place) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (place != NULL) *place = now.tv_sec;
    return now.tv_sec;
}

// Waits until a time of the wall clock, which the kernel reads unshifted.
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *until) {
    static int (*original)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (original == NULL) {
        *(void **)&original = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    }
    struct timespec real = *until;
    real.tv_sec -= skew();
    return original(condition, mutex, &real);
}
