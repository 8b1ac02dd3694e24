/* SPDX-License-Identifier: ISC */
/* One request and its answer over ocmd's control socket (see ctl_ask.h). */
#include <sys/types.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "ctl_ask.h"

enum { ANSWER_MAX = 64 << 20, ANSWER_FIRST = 16 << 10 };

void
ask_request(struct control_request *r, enum control_verb verb,
    const char *room, const char *member)
{
	memset(r, 0, sizeof(*r));
	r->magic = CONTROL_MAGIC;
	r->verb = verb;
	r->room_len = (uint32_t)strlcpy(r->room, room, sizeof(r->room));
	r->member_len = (uint32_t)strlcpy(r->member, member,
	    sizeof(r->member));
}

void
ask_free(struct ask_answer *a)
{
	free(a->error);
	json_decref(a->json);
	memset(a, 0, sizeof(*a));
}

static enum ask_result
unknown(struct ask_answer *a, const char *what, const char *why)
{
	free(a->error);
	if (asprintf(&a->error, "%s: %s", what, why) == -1)
		a->error = NULL;
	return ASK_UNKNOWN;
}

/* ---- the connection ---- */

static bool
is_socket(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* A connected socket in *fd, or why there is none. */
static enum ask_result
reach(const char *path, int timeout_ms, int *fd, struct ask_answer *a)
{
	const struct timeval tv = { timeout_ms / 1000,
	    (long)(timeout_ms % 1000) * 1000 };
	struct sockaddr_un sun;
	int why;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		return unknown(a, path, strerror(ENAMETOOLONG));
	if ((*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return unknown(a, "socket", strerror(errno));
	(void)setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (connect(*fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return ASK_OK;
	why = errno;
	(void)unknown(a, path, why == EAGAIN ? "does not answer" :
	    strerror(why));
	if (why == ENOENT || (why == ECONNREFUSED && is_socket(path)))
		return ASK_NOT_RUNNING;
	return ASK_UNKNOWN;
}

/* All that comes until the end, or NULL; *late: the time was up. */
static char *
read_all(int fd, uint64_t end_ms, bool *late)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0, cap = ANSWER_FIRST;
	char *buf = malloc(cap), *more;
	uint64_t now;
	ssize_t n;

	*late = false;
	while (buf != NULL) {
		if (len + 1 == cap) {
			cap *= 2;
			if (cap > ANSWER_MAX ||
			    (more = realloc(buf, cap)) == NULL)
				break;
			buf = more;
		}
		now = clock_ms();
		if (now >= end_ms || poll(&p, 1, (int)(end_ms - now)) == 0) {
			*late = true;
			break;
		}
		n = recv(fd, buf + len, cap - len - 1, MSG_DONTWAIT);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			continue;
		/* Who refuses us does not read first what we want. */
		if (n == -1 && (errno != ECONNRESET || len == 0))
			break;
		if (n <= 0) {
			buf[len] = '\0';
			return buf;
		}
		len += (size_t)n;
	}
	free(buf);
	return NULL;
}

/* ---- the answer ---- */

static enum ask_result
understand(char *text, struct ask_answer *a)
{
	char *line = text, *rest = strchr(text, '\n');
	json_error_t why;

	if (rest == NULL)
		return unknown(a, "the server", "closed the connection");
	*rest++ = '\0';
	if (strncmp(line, "error ", 6) == 0) {
		if ((a->error = strdup(line + 6)) == NULL)
			return ASK_UNKNOWN;
		return ASK_REFUSED;
	}
	if (strcmp(line, "ok") != 0)
		return unknown(a, "the server", "answered nonsense");
	if (rest[strspn(rest, " \t\n")] == '\0')
		return ASK_OK;
	a->json = json_loads(rest, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
	if (a->json == NULL)
		return unknown(a, "the server's answer", why.text);
	return ASK_OK;
}

enum ask_result
ask(const char *path, const struct control_request *r, int timeout_ms,
    struct ask_answer *a)
{
	uint64_t end_ms = clock_ms() + (uint64_t)timeout_ms;
	enum ask_result result;
	char *text;
	bool late;
	int fd = -1;

	memset(a, 0, sizeof(*a));
	if ((result = reach(path, timeout_ms, &fd, a)) != ASK_OK)
		goto out;
	result = ASK_UNKNOWN;
	/* Closed already?  Then why may be in the answer. */
	if (send(fd, r, sizeof(*r), MSG_NOSIGNAL) != sizeof(*r) &&
	    errno != EPIPE) {
		(void)unknown(a, path, strerror(errno));
		goto out;
	}
	if ((text = read_all(fd, end_ms, &late)) == NULL) {
		(void)unknown(a, path, late ? "no answer in time" :
		    "the answer broke off");
		goto out;
	}
	result = understand(text, a);
	free(text);
out:
	if (fd != -1)
		(void)close(fd);
	return result;
}
