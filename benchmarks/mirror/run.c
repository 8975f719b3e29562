/* Runs a command on one processor, in a control group if one is named, and says what it took.

   run CPU CGROUP_PROCS|- COMMAND…   →  last line on standard error: "begun_ns wall_ns cpu_us peak_kb status"

   Small on purpose: a child's peak memory is never less than that of the process that started it. */

#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long nanoseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000L + now.tv_nsec;
}

int main(int count, char **arguments) {
    if (count < 4) return 2;
    long begun = nanoseconds();
    pid_t child = fork();
    if (child == 0) {
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        CPU_SET((size_t)atoi(arguments[1]), &cpus);
        sched_setaffinity(0, sizeof cpus, &cpus);
        if (strcmp(arguments[2], "-")) {
            FILE *group = fopen(arguments[2], "w");
            if (!group || fprintf(group, "%d", getpid()) < 0 || fclose(group)) _exit(126);
        }
        execvp(arguments[3], arguments + 3);
        _exit(127);
    }
    int status;
    struct rusage used;
    if (wait4(child, &status, 0, &used) != child) return 1;
    long wall = nanoseconds() - begun;
    long cpu = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000L + used.ru_utime.tv_usec + used.ru_stime.tv_usec;
    fprintf(stderr, "\n%ld %ld %ld %ld %d\n", begun, wall, cpu, used.ru_maxrss,
            WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    return 0;
}
