/* SPDX-License-Identifier: ISC */
/*
 * What the kernel can do, to compare a relay with: loops that do nothing but
 * send to N receivers each, k datagrams in one piece, while this process
 * drains them as bench_relay does; and a relay that checks nothing and knows
 * one room, for bench_relay -p, that can be wrong on purpose.  Linux only.
 */
#include <sys/types.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <netinet/in.h>

#include <err.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "crowd.h"
#include "ears.h"
#include "load.h"
#include "net.h"
#include "options.h"
#include "procs.h"

enum {
	MOST = 65536,			/* receivers */
	LOOPS = 8,
	BATCH = 64,
	CHUNK = 1024,			/* messages per sendmmsg */
	LONGEST = 4096,
	BUFFER = 4 << 20,		/* as the server's sockets have */
	WINDOW = 256,			/* datagrams a receiver may owe */
	NAP_NS = 100000,
	SOCKETS = 32,
};
#define SECOND UINT64_C(1000000000)
#define STALL_NS (SECOND / 2)

struct plan {
	unsigned	loops, n, k;
	size_t		bytes;
	bool		mixed, bundles, json;
	double		seconds;
	const char	*wrong;		/* what the relay does */
};

static struct sockaddr_in at[MOST];
static struct mmsghdr out[MOST];
static struct iovec out_iov;
static struct net_control control;
static _Atomic uint64_t *got;		/* datagrams of each loop, shared */

static void
prepare(unsigned i)
{
	out[i].msg_hdr.msg_name = &at[i];
	out[i].msg_hdr.msg_namelen = sizeof(at[i]);
	out[i].msg_hdr.msg_iov = &out_iov;
	out[i].msg_hdr.msg_iovlen = 1;
	out[i].msg_hdr.msg_control = control.bytes;
	out[i].msg_hdr.msg_controllen = control.len;
}

/* A socket with the options that the server gives its own. */
static int
udp(struct sockaddr_in *a)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), size = BUFFER;
	socklen_t len = sizeof(*a);

	memset(a, 0, sizeof(*a));
	a->sin_family = AF_INET;
	a->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd == -1 || bind(fd, (struct sockaddr *)a, len) == -1 ||
	    getsockname(fd, (struct sockaddr *)a, &len) == -1 ||
	    net_want_unreachable(fd, AF_INET) == -1)
		err(1, "socket");
	ears_buffer(fd, size);
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size,
	    sizeof(size)) == -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size,
		    sizeof(size));
	return fd;
}

/* One piece of k datagrams of that size to the receivers from..to-1. */
static void
send_all(int fd, char *p, size_t len, unsigned k, unsigned from, unsigned to)
{
	int n;

	out_iov.iov_base = p;
	out_iov.iov_len = len * k;
	net_bundle_size(&control, (uint16_t)(k > 1 ? len : 0));
	for (; from < to; from += (unsigned)n) {
		n = sendmmsg(fd, out + from, to - from < CHUNK ? to - from :
		    CHUNK, MSG_DONTWAIT);
		if (n <= 0)
			n = 1;
	}
}

static void
nap(void)
{
	const struct timespec ts = { .tv_nsec = NAP_NS };

	(void)nanosleep(&ts, NULL);
}

/*
 * The scheduler may give each session the same share of a busy machine; the
 * server has one of its own.
 */
static void
own_session(void)
{
	(void)setsid();
}

/* ---- the loops ---- */

static size_t
length_of(const struct plan *p, uint64_t number)
{
	return p->mixed ? CROWD_BYTES_MIN + (size_t)((number + 1) *
	    UINT64_C(0x9e3779b97f4a7c15) >> 33) %
	    (p->bytes - CROWD_BYTES_MIN + 1) : p->bytes;
}

/* Waits while the receivers owe too much; writes off what is lost. */
static void
wait_for(unsigned which, uint64_t *sent, uint64_t most)
{
	uint64_t seen = 0, now, since = crowd_now();

	while (*sent > got[which] + most) {
		nap();
		now = crowd_now();
		if (got[which] != seen) {
			seen = got[which];
			since = now;
		} else if (now - since > STALL_NS) {
			*sent = seen;
		}
	}
}

static _Noreturn void
loop(const struct plan *p, unsigned which)
{
	static char bytes[NET_BUNDLE_BYTES];
	const unsigned first = which * p->n;
	struct sockaddr_in self;
	uint64_t sent = 0, i;
	int fd = udp(&self);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	own_session();
	for (i = 0;; i++) {
		send_all(fd, bytes, length_of(p, i), p->k, first,
		    first + p->n);
		sent += (uint64_t)p->n * p->k;
		wait_for(which, &sent, (uint64_t)p->n * WINDOW);
	}
}

static void
hear(void *ctx, const struct heard *h)
{
	_Atomic uint64_t *n = h->who;

	(void)ctx;
	/* Only this process writes. */
	atomic_store_explicit(n, atomic_load_explicit(n,
	    memory_order_relaxed) + (h->len + h->size - 1) / h->size,
	    memory_order_release);
}

static struct ears *
receivers(const struct plan *p)
{
	struct ears *e = ears_open(p->bundles ? EARS_BUNDLES : EARS_PLAIN,
	    p->bytes, hear, NULL);
	unsigned i;

	for (i = 0; i < p->loops * p->n; i++) {
		if (ears_add(e, udp(&at[i]), (void *)&got[i / p->n]) == -1)
			exit(1);
		prepare(i);
	}
	return e;
}

static uint64_t
sum(const struct plan *p)
{
	uint64_t n = 0;
	unsigned i;

	for (i = 0; i < p->loops; i++)
		n += got[i];
	return n;
}

static uint64_t
drain_until(struct ears *e, uint64_t end)
{
	uint64_t now;

	while ((now = crowd_now()) < end)
		if (ears_listen(e, SOCKETS, 0) == 0)
			nap();
	return now;
}

static void
print(const struct plan *p, uint64_t copies, double cpu, double wanted,
    double self, double seconds)
{
	const double n = (double)copies;

	if (p->json)
		printf("{\"rate\":%.0f,\"cpu\":%.4f,\"share\":%.3f,"
		    "\"wanted\":%.3f,"
		    "\"self\":%.3f,\"self_cpu\":%.4f,\"bundle\":%u}\n",
		    n / seconds, cpu * 1e6 / n, cpu / seconds, wanted / seconds,
		    self / seconds, self * 1e6 / n, p->k);
	else
		printf("k = %-3u %9.0f deliv/s %9.3f s/Mdeliv, busy %.0f %%, "
		    "drain %.3f s/Mdeliv\n", p->k, n / seconds,
		    cpu * 1e6 / n, 100 * cpu / seconds / p->loops,
		    self * 1e6 / n);
}

static void
loops(const struct plan *p)
{
	struct ears *e = receivers(p);
	struct load_cpu before, after;
	struct procs ps;
	uint64_t begin, end, copies;
	double wanted;
	unsigned i;

	memset(&ps, 0, sizeof(ps));
	for (i = 0; i < p->loops; i++)
		if ((ps.proc[i].pid = fork()) == 0)
			loop(p, i);
		else
			memcpy(ps.proc[i].role, "relayd", 7);
	ps.count = p->loops;
	begin = drain_until(e, crowd_now() + SECOND / 5);
	copies = sum(p);
	before = load_cpu(&ps);
	wanted = procs_wanted(&ps, "relayd");
	end = drain_until(e, begin + (uint64_t)(p->seconds * (double)SECOND));
	after = load_cpu(&ps);
	wanted = procs_wanted(&ps, "relayd") - wanted;
	copies = sum(p) - copies;
	for (i = 0; i < p->loops; i++)
		(void)kill(ps.proc[i].pid, SIGKILL);
	print(p, copies, after.relayd - before.relayd, wanted, after.self -
	    before.self, (double)(end - begin) / (double)SECOND);
	ears_close(e);
}

/* ---- the relay ---- */

struct relay {
	const struct plan *plan;
	int		 fd;
	unsigned	 n;		/* clients */
	unsigned	 by_port[65536];	/* + 1; all are on loopback */
	char		 bytes[BATCH][LONGEST];
	struct sockaddr_in from[BATCH];
	struct mmsghdr	 in[BATCH];
	struct iovec	 iov[BATCH];
	unsigned	 who[BATCH];
};

/* Whose address it is; one that is new becomes the last. */
static unsigned
find(struct relay *r, const struct sockaddr_in *a)
{
	unsigned *i = &r->by_port[a->sin_port];

	if (*i == 0) {
		at[r->n] = *a;
		prepare(r->n);
		*i = ++r->n;
	}
	return *i - 1;
}

/* One message to all but its sender, or as it should not be done. */
static void
relay_one(struct relay *r, int i)
{
	static unsigned count;
	const char *wrong = ++count % 7 == 0 ? r->plan->wrong : "";
	const unsigned skip = strcmp(wrong, "lose") == 0 ? 2 : 1;
	const unsigned who = r->who[i];
	char *bytes = r->bytes[i];
	size_t len = r->in[i].msg_len;

	if (strcmp(wrong, "alter") == 0)
		bytes[len - 1] ^= 1;
	if (strcmp(wrong, "cut") == 0)
		len--;
	if (strcmp(wrong, "own") == 0) {
		send_all(r->fd, bytes, len, 1, 0, r->n);
		return;
	}
	send_all(r->fd, bytes, len, 1, 0, who);
	if (who + skip < r->n)
		send_all(r->fd, bytes, len, 1, who + skip, r->n);
	if (strcmp(wrong, "repeat") == 0 && who > 0)
		send_all(r->fd, bytes, len, 1, 0, who);
}

/* Messages first..last-1 in one piece but those of `not`; how many. */
static unsigned
pack(const struct relay *r, char *to, int first, int last, unsigned not)
{
	const size_t len = r->in[first].msg_len;
	unsigned k = 0;

	for (; first < last; first++)
		if (r->who[first] != not)
			memcpy(to + k++ * len, r->bytes[first], len);
	return k;
}

/* Several of one size: their senders get what the others said. */
static void
relay_bundle(struct relay *r, int first, int last)
{
	static char all[NET_BUNDLE_BYTES], others[NET_BUNDLE_BYTES];
	static bool talks[MOST];
	const size_t len = r->in[first].msg_len;
	const unsigned k = pack(r, all, first, last, MOST);
	unsigned from = 0, i, n;
	int j;

	for (j = first; j < last; j++)
		talks[r->who[j]] = true;
	for (i = 0; i < r->n; i++) {
		if (!talks[i])
			continue;
		send_all(r->fd, all, len, k, from, i);
		from = i + 1;
		talks[i] = false;
		if ((n = pack(r, others, first, last, i)) > 0)
			send_all(r->fd, others, len, n, i, i + 1);
	}
	send_all(r->fd, all, len, k, from, r->n);
}

/* What has no text only says where one is. */
static bool
has_text(const struct relay *r, int i)
{
	return r->in[i].msg_len > 1u + (unsigned char)r->bytes[i][0];
}

static void
relay_batch(struct relay *r, int count)
{
	const unsigned most = r->plan->k;
	int i, j;

	for (i = 0; i < count; i++)
		r->who[i] = find(r, &r->from[i]);
	for (i = 0; i < count; i = j) {
		j = i + 1;
		if (!has_text(r, i))
			continue;
		while (j < count && (unsigned)(j - i) < most &&
		    has_text(r, j) && r->in[j].msg_len == r->in[i].msg_len &&
		    (size_t)(j - i + 1) * r->in[i].msg_len <= NET_BUNDLE_BYTES)
			j++;
		if (j == i + 1)
			relay_one(r, i);
		else
			relay_bundle(r, i, j);
	}
}

static _Noreturn void
relay(const struct plan *p)
{
	static struct relay r;
	struct sockaddr_in self;
	int i, count;

	own_session();
	r.plan = p;
	r.fd = udp(&self);
	for (i = 0; i < BATCH; i++) {
		r.iov[i] = (struct iovec){ r.bytes[i], LONGEST };
		r.in[i].msg_hdr.msg_iov = &r.iov[i];
		r.in[i].msg_hdr.msg_iovlen = 1;
		r.in[i].msg_hdr.msg_name = &r.from[i];
	}
	printf("127.0.0.1:%u %ld\n", ntohs(self.sin_port), (long)getpid());
	(void)fflush(stdout);
	for (;;) {
		for (i = 0; i < BATCH; i++)
			r.in[i].msg_hdr.msg_namelen = sizeof(r.from[i]);
		count = recvmmsg(r.fd, r.in, BATCH, MSG_WAITFORONE, NULL);
		relay_batch(&r, count);
	}
}

static _Noreturn void
usage(void)
{
	fprintf(stderr, "usage: bench_bare [-gjm] [-k pieces] [-l loops] "
	    "[-N receivers] [-b bytes]\n"
	    "\t[-d seconds] loop\n"
	    "       bench_bare [-k pieces | -x alter | cut | lose | own "
	    "| repeat] relay\n");
	exit(64);
}

static void
parse(struct plan *p, int argc, char **argv)
{
	const struct option_row rows[] = {
		{ 'N', OPTION_WHOLE, &p->n, 1, MOST },
		{ 'b', OPTION_SIZE, &p->bytes, CROWD_BYTES_MIN, LONGEST },
		{ 'd', OPTION_REAL, &p->seconds, 0.1, 86400 },
		{ 'g', OPTION_FLAG, &p->bundles, 0, 0 },
		{ 'j', OPTION_FLAG, &p->json, 0, 0 },
		{ 'k', OPTION_WHOLE, &p->k, 1, NET_BUNDLE_PIECES },
		{ 'l', OPTION_WHOLE, &p->loops, 1, LOOPS },
		{ 'm', OPTION_FLAG, &p->mixed, 0, 0 },
		{ 'x', OPTION_TEXT, &p->wrong, 0, 0 },
	};

	options_take(rows, sizeof(rows) / sizeof(rows[0]), argc, argv, usage);
	if (optind != argc - 1 || p->k * p->bytes > NET_BUNDLE_BYTES ||
	    p->loops * p->n > MOST)
		usage();
}

int
main(int argc, char **argv)
{
	struct plan p = { .loops = 1, .n = 1000, .k = 1, .bytes = 200,
	    .seconds = 3, .wrong = "" };

	parse(&p, argc, argv);
	load_raise_files((uint64_t)p.loops * p.n + 64);
	(void)prctl(PR_SET_TIMERSLACK, 1);
	net_bundle_make(&control);
	got = mmap(NULL, LOOPS * sizeof(*got), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (got == MAP_FAILED)
		err(1, "mmap");
	if (strcmp(argv[optind], "loop") == 0)
		loops(&p);
	else if (strcmp(argv[optind], "relay") == 0)
		relay(&p);
	else
		usage();
	return 0;
}
