/* Fetch asks a web server for its front page. musl's resolver asks for both families
 * at once, and takes the first name server's answers (no nsswitch.conf, no modules). */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found, *a;
	char buf[4096];
	ssize_t n, total = 0;
	int fd = -1, err;

	if (argc != 2)
		return 2;
	if ((err = getaddrinfo(argv[1], "80", &hints, &found)) != 0) {
		puts(gai_strerror(err));
		return 1;
	}
	for (a = found; a != NULL; a = a->ai_next) {
		if ((fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol)) < 0)
			continue;
		if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			break;
		close(fd);
		fd = -1;
	}
	if (fd < 0 || dprintf(fd, "GET / HTTP/1.0\r\nHost: %s\r\n\r\n", argv[1]) < 0) {
		perror("connect");
		return 1;
	}
	for (; (n = read(fd, buf, sizeof buf)) > 0; total += n)
		fwrite(buf, 1, n, stdout);
	if (n < 0)
		perror("read");
	return n < 0 || total == 0;
}
