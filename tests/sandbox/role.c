/* SPDX-License-Identifier: ISC */
/*
 * Linked into roomd and relayd of build/attempt, whose other objects are
 * those of the ordinary programs: the role knows one more order of ocmd's.
 * It is a SETTINGS message with a burst in the range below, so that ocmd is
 * the ordinary one; the role does as ordered where it is, in its sandbox,
 * and tells the result in its log.  The linker puts our functions in the way
 * (--wrap); the ordinary programs have none of this.
 */
#include <sys/socket.h>

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attempts.h"
#include "common/ctl.h"
#include "common/log.h"
#include "common/sandbox.h"

enum {
	ORDER_ROOMD = 900000,
	ORDER_RELAYD = 910000,
	/* above the attempts */
	ORDER_ALLOCATIONS = 9000,
	ORDER_KEYS = 9001,
	ORDER_BETRAY = 9002,
	RANGES = 512,
	MASK = 0x5a,
};

/* Our copies are masked, so that a search for the keys does not find them. */
struct key {
	uint8_t	masked[32];
	size_t	len;
};

static struct scene scene;
static struct key keys[3];
static uint32_t base;
static bool inside;
static unsigned allocations;
static struct {
	const uint8_t	*from, *to;
} ranges[RANGES];
static unsigned range_count;

enum ctl_result __real_ctl_recv(int, enum role, enum role, bool,
	    enum ctl_type *, union ctl_body *, int *);
enum ctl_result __wrap_ctl_recv(int, enum role, enum role, bool,
	    enum ctl_type *, union ctl_body *, int *);
int	__real_seg_map(const struct seg_limits *, int, int, enum role,
	    uint32_t, struct seg_maps *);
int	__wrap_seg_map(const struct seg_limits *, int, int, enum role,
	    uint32_t, struct seg_maps *);
uint32_t __real_sandbox_enter(const struct sandbox *);
uint32_t __wrap_sandbox_enter(const struct sandbox *);

/* ---- allocations, of libraries too ---- */

#ifdef __GLIBC__
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *
malloc(size_t size)
{
	allocations += inside;
	return __libc_malloc(size);
}

void *
calloc(size_t nmemb, size_t size)
{
	allocations += inside;
	return __libc_calloc(nmemb, size);
}

void *
realloc(void *ptr, size_t size)
{
	allocations += inside;
	return __libc_realloc(ptr, size);
}

void *
aligned_alloc(size_t alignment, size_t size)
{
	allocations += inside;
	return __libc_memalign(alignment, size);
}
#endif

/* Until the very end: after the last order, too. */
static void __attribute__((__destructor__))
tell_allocations(void)
{
	if (inside)
		log_info("attempts: %u allocations in all", allocations);
}

/* ---- before the sandbox ---- */

static void
keep_key(struct key *k, const uint8_t *p, size_t len)
{
	size_t i;

	k->len = len;
	for (i = 0; i < len; i++)
		k->masked[i] = p[i] ^ MASK;
}

static void
learn_start(const struct ctl_start *start)
{
	scene.self = getpid();
	scene.parent = start->parent;
	if (start->role == ROLE_ROOMD) {
		base = ORDER_ROOMD;
		scene.sock = FD_PEERS + (int)start->limits.workers;
	} else {
		base = start->index == 0 ? ORDER_RELAYD : 0;
		scene.sock = FD_PEERS + 1;
	}
	keep_key(&keys[0], start->token_key, sizeof(start->token_key));
	keep_key(&keys[1], start->bucket_key, sizeof(start->bucket_key));
	keep_key(&keys[2], start->password_key, sizeof(start->password_key));
}

int
__wrap_seg_map(const struct seg_limits *lim, int rw, int ro, enum role role,
    uint32_t index, struct seg_maps *m)
{
	int rc = __real_seg_map(lim, rw, ro, role, index, m);
	uint32_t other = lim->workers - 1;

	if (rc == -1 || m->live[other] == NULL)
		return rc;
	scene.relays = (char *)live_counters(m->live[other]);
	scene.mine = role == ROLE_ROOMD ? m->rooms :
	    (char *)live_counters(m->live[index]);
	scene.theirs = role == ROLE_ROOMD ?
	    (char *)live_counters(m->live[0]) : m->rooms;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
	    scene.pair) == -1)
		fatal("socketpair");
	return rc;
}

/* What we may write to, and could still hold a key. */
static void
learn_ranges(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned long from, to;
	char line[512], may[8];

	while (f != NULL && range_count < RANGES &&
	    fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%lx-%lx %7s", &from, &to, may) != 3 ||
		    strncmp(may, "rw", 2) != 0)
			continue;
		ranges[range_count].from = (const uint8_t *)from;
		ranges[range_count++].to = (const uint8_t *)to;
	}
	if (f == NULL || range_count == 0 || range_count == RANGES)
		fatalx("cannot read /proc/self/maps");
	(void)fclose(f);
}

uint32_t
__wrap_sandbox_enter(const struct sandbox *sb)
{
	uint32_t layers;

	learn_ranges();
	log_info("attempts: has capabilities %#x", sb->caps);
	layers = __real_sandbox_enter(sb);
	inside = true;
	return layers;
}

/* ---- orders ---- */

static bool
is_key(const uint8_t *p, const struct key *k)
{
	size_t i;

	for (i = 0; i < k->len; i++)
		if (p[i] != (k->masked[i] ^ MASK))
			return false;
	return true;
}

static unsigned
copies_in(const uint8_t *p, const uint8_t *end, const struct key *k)
{
	unsigned n = 0;

	for (; p + k->len <= end; p++)
		n += is_key(p, k);
	return n;
}

/* One that is not for us came as zeros. */
static bool
was_given(const struct key *k)
{
	size_t i;

	for (i = 0; i < k->len; i++)
		if (k->masked[i] != MASK)
			return true;
	return false;
}

/*
 * How many keys we were given, and how often each lies in our memory: token,
 * bucket, password.
 */
static void
tell_keys(void)
{
	unsigned i, r, given = 0, n[3] = { 0, 0, 0 };

	for (i = 0; i < 3; i++)
		given += was_given(&keys[i]);
	for (i = 0; i < 3; i++)
		for (r = 0; was_given(&keys[i]) && r < range_count; r++)
			n[i] += copies_in(ranges[r].from, ranges[r].to,
			    &keys[i]);
	log_info("attempt %d: ended with %u", ORDER_KEYS, given * 1000 +
	    n[0] * 100 + n[1] * 10 + n[2]);
}

/* The keys, byte by byte in hex, so that others can be searched for them. */
static void
betray_keys(void)
{
	char text[3 * 2 * sizeof(keys[0].masked) + 3] = "";
	size_t i, k, len = 0;

	for (k = 0; k < 3; k++) {
		for (i = 0; i < keys[k].len; i++, len += 2)
			(void)snprintf(text + len, sizeof(text) - len, "%02x",
			    keys[k].masked[i] ^ MASK);
		if (k < 2)
			text[len++] = ' ';
	}
	log_info("attempts: the keys %s", text);
	explicit_bzero(text, sizeof(text));
}

static void
obey(uint32_t n)
{
	int answer;

	if (n == ORDER_ALLOCATIONS)
		log_info("attempt %u: ended with %u", n, allocations);
	else if (n == ORDER_KEYS)
		tell_keys();
	else if (n == ORDER_BETRAY)
		betray_keys();
	if (n >= attempts_count)
		return;
	log_info("attempt %u: begins", n);
	answer = attempt_make(&attempts[n], &scene);
	log_info("attempt %u: ended with %d", n, answer);
}

enum ctl_result
__wrap_ctl_recv(int sock, enum role from, enum role to, bool wait,
    enum ctl_type *type, union ctl_body *body, int *fd)
{
	enum ctl_result r = __real_ctl_recv(sock, from, to, wait, type, body,
	    fd);
	uint32_t burst;

	if (r != CTL_GOT || from != ROLE_OCMD)
		return r;
	burst = body->SETTINGS.member_burst;
	if (*type == CTL_START)
		learn_start(&body->START);
	else if (*type == CTL_SETTINGS && base != 0 && burst >= base &&
	    burst < base + 10000)
		obey(burst - base);
	return r;
}
