// floor makes the system calls that sbx makes for the host view, with nothing
// around them: no flags, no messages, no report of what failed. It shows how
// much of the time is the kernel's. FLOOR PROJECT CMD [ARG...]
#define _GNU_SOURCE
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define must(call) \
	do { if ((call) < 0) { perror(#call); exit(125); } } while (0)

static void put(const char *path, const char *data)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd);
	must(write(fd, data, strlen(data)));
	close(fd);
}

static int take(const char *path, int flags)
{
	int fd = syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | flags);
	must(fd);
	return fd;
}

static void attach(int fd, const char *path)
{
	must(syscall(SYS_move_mount, fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS));
}

static void tmpfs(const char *path, const char *options)
{
	must(mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, options));
}

static void parents(char *path)
{
	for (char *p = path + 1; *p; p++)
		if (*p == '/') {
			*p = 0;
			mkdir(path, 0755);
			*p = '/';
		}
	mkdir(path, 0755);
}

static void drop(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { 0 } };
	for (int i = 0; i < 64; i++)
		prctl(PR_CAPBSET_DROP, i);
	must(syscall(SYS_capset, &header, data));
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static const char *devices[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty" };

static void setup(char *project, const char *uid, const char *gid)
{
	int device[6], fd;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, .propagation = MS_PRIVATE };
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	must(prctl(PR_SET_PDEATHSIG, SIGKILL));
	put("/proc/self/uid_map", uid);
	put("/proc/self/setgroups", "deny");
	put("/proc/self/gid_map", gid);
	for (int i = 0; i < 6; i++)
		device[i] = take(devices[i], 0);
	int work = take(project, AT_RECURSIVE);
	must(syscall(SYS_mount_setattr, work, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof attr));
	must(chdir("/"));
	attr.attr_set |= MOUNT_ATTR_RDONLY;
	must(syscall(SYS_mount_setattr, AT_FDCWD, "/", AT_RECURSIVE, &attr, sizeof attr));
	must(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0));
	tmpfs("/dev", "mode=755,size=65536k");
	for (int i = 0; i < 6; i++) {
		must(mknod(devices[i], S_IFREG | 0666, 0));
		attach(device[i], devices[i]);
	}
	must(symlink("/proc/self/fd", "/dev/fd"));
	must(symlink("/proc/self/fd/0", "/dev/stdin"));
	must(symlink("/proc/self/fd/1", "/dev/stdout"));
	must(symlink("/proc/self/fd/2", "/dev/stderr"));
	must(symlink("pts/ptmx", "/dev/ptmx"));
	must(mkdir("/dev/pts", 0755));
	must(mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620"));
	must(mkdir("/dev/shm", 0755));
	tmpfs("/dev/shm", "mode=1777");
	tmpfs("/tmp", "mode=1777");
	tmpfs("/var/tmp", "mode=1777");
	tmpfs("/run", "mode=755");
	tmpfs("/home", "mode=755");
	tmpfs("/root", "mode=700");
	parents(project);
	attach(work, project);
	must(sethostname("sbx", 3));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	must(ioctl(fd, SIOCSIFFLAGS, &lo));
	close(fd);
	must(prctl(PR_SET_DUMPABLE, 0));
	must(setsid());
}

int main(int argc, char **argv)
{
	char uid[64], gid[64];
	if (argc < 3)
		return 125;
	snprintf(uid, sizeof uid, "%d %d 1\n", getuid(), getuid());
	snprintf(gid, sizeof gid, "%d %d 1\n", getgid(), getgid());
	pid_t init = syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
		CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET, 0, 0, 0, 0);
	must(init);
	int status;
	if (init) {
		must(waitpid(init, &status, 0));
		return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	setup(argv[1], uid, gid);
	pid_t command = fork();
	must(command);
	if (command) {
		drop();
		must(syscall(SYS_close_range, 0, ~0U, 0));
		while (waitpid(-1, &status, 0) != command)
			;
		return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	drop();
	must(setpgid(0, 0));
	must(chdir(argv[1]));
	must(syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC));
	execvp(argv[2], argv + 2);
	return errno == ENOENT ? 127 : 126;
}
