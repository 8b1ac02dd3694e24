/* SPDX-License-Identifier: ISC */
/*
 * Sending (see send.h).  Called by window.c, take.c, notice.c and lobby.c, and
 * for errors by whoever receives.
 */
#include <errno.h>
#include <string.h>

#include "counter.h"
#include "net.h"
#include "send.h"

enum {
	SEND_CHUNK = 1024,	/* the kernel takes no more at once */
	SEND_RETRIES = 3,	/* of one entry, after an error of another */
	ERRORS_AT_ONCE = 1024,
	AGAIN_MS = 10000,
	BREATH_COPIES = 32768,	/* in a fraction of a second */
};

unsigned
send_drain_errors(struct outlet *o, unsigned sock)
{
	struct addr a;
	unsigned n;

	for (n = 0; n < ERRORS_AT_ONCE; n++) {
		if (!net_next_unreachable(o->fd[sock], &a))
			break;
		o->unreachable(o->ctx, &a);
	}
	return n;
}

/*
 * After sendmmsg failed on an entry: true to try it again.  A pending error
 * of an earlier message fails the next one in its stead, so that one is tried
 * again, but never for ever.
 */
static bool
worth_again(struct outlet *o, unsigned sock, int error, unsigned *retries)
{
	if (error == EINTR)
		return true;
	if (error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS)
		return false;
	return (send_drain_errors(o, sock) > 0 || error == ECONNREFUSED) &&
	    (*retries)++ < SEND_RETRIES;
}

/* How many datagrams an entry is. */
static unsigned
copies(const struct msghdr *m, size_t size)
{
	size_t i, len = 0;

	if (size == 0)
		return 1;
	for (i = 0; i < m->msg_iovlen; i++)
		len += m->msg_iov[i].iov_len;
	return (unsigned)((len + size - 1) / size);
}

/* The datagrams of an entry, each by itself; how many were not taken. */
static unsigned
send_singly(struct outlet *o, unsigned sock, const struct msghdr *m,
    size_t size)
{
	unsigned lost = 0;
	const char *p;
	size_t i, at, len;

	for (i = 0; i < m->msg_iovlen; i++) {
		p = m->msg_iov[i].iov_base;
		for (at = 0; at < m->msg_iov[i].iov_len; at += len) {
			len = m->msg_iov[i].iov_len - at;
			if (len > size)
				len = size;
			lost += 1 - send_one(o, sock, m->msg_name,
			    m->msg_namelen, p + at, len);
		}
	}
	return lost;
}

/*
 * The next one of that size would fail for every receiver, and its messages
 * go one by one anyway.  EIO: a device that cannot take any apart.
 */
static void
narrow(struct outlet *o, size_t size, int error)
{
	if (size <= o->most)
		o->most = error == EIO ? 0 : (uint32_t)size - 1;
	o->refused = true;
}

void
send_tick(struct outlet *o, uint64_t now_ms)
{
	if (o->refused)
		o->again_ms = now_ms + AGAIN_MS;
	else if (now_ms >= o->again_ms)
		o->most = o->most_ever;
	o->refused = false;
}

/*
 * An entry that the kernel does not take.  A bundle that does not fit a
 * path, or a device that cannot take it apart, is no reason to lose it.
 */
static unsigned
refused(struct outlet *o, unsigned sock, const struct msghdr *m, size_t size,
    int error)
{
	const bool full = error == EAGAIN || error == EWOULDBLOCK ||
	    error == ENOBUFS;
	unsigned lost;

	if (size != 0 && (error == EINVAL || error == EMSGSIZE ||
	    error == EIO)) {
		counter_add(&o->counters[LC_bundles_split], 1);
		narrow(o, size, error);
		return send_singly(o, sock, m, size);
	}
	lost = copies(m, size);
	counter_add(&o->counters[full ? LC_copy_unsendable : LC_send_errors],
	    lost);
	return lost;
}

/* Sends entries of that bundle size; how many copies were not taken. */
static unsigned
send_entries(struct outlet *o, unsigned sock, struct mmsghdr *v, unsigned n,
    size_t size)
{
	unsigned lost = 0, retries = 0;
	int k, error;

	while (n > 0) {
		k = sendmmsg(o->fd[sock], v, n < SEND_CHUNK ? n : SEND_CHUNK,
		    MSG_DONTWAIT);
		error = k == -1 ? errno : 0;
		if (k == -1 && worth_again(o, sock, error, &retries))
			continue;
		retries = 0;
		if (k <= 0) {
			lost += refused(o, sock, &v->msg_hdr, size, error);
			k = 1;
		}
		v += k;
		n -= (unsigned)k;
	}
	return lost;
}

void
send_breathe(struct outlet *o, uint32_t copies)
{
	o->unbreathed += copies;
	if (o->unbreathed < BREATH_COPIES)
		return;
	o->unbreathed = 0;
	if (o->breathe != NULL)
		o->breathe(o->ctx);
}

/* Sends entries of one message each; returns how many were taken. */
static unsigned
send_prepared(struct outlet *o, unsigned sock, struct mmsghdr *v, unsigned n)
{
	const unsigned lost = send_entries(o, sock, v, n, 0);

	send_breathe(o, n);
	return n - lost;
}

static void
set_iov(struct iovec *iov, const void *p, size_t len)
{
	/* sendmmsg only reads, but its struct cannot say so. */
	memcpy(&iov->iov_base, &p, sizeof(p));
	iov->iov_len = len;
}

unsigned
send_range(struct outlet *o, struct group *g, const void *p, size_t len,
    uint32_t from, uint32_t to)
{
	set_iov(&g->iov, p, len);
	return send_prepared(o, g->kind.sock, g->entry + from, to - from);
}

unsigned
send_group(struct outlet *o, struct group *g, const void *p, size_t len,
    uint32_t skip)
{
	if (skip >= g->count)
		return send_range(o, g, p, len, 0, g->count);
	return send_range(o, g, p, len, 0, skip) +
	    send_range(o, g, p, len, skip + 1, g->count);
}

unsigned
send_one(struct outlet *o, unsigned sock, union dest *to, socklen_t to_len,
    const void *p, size_t len)
{
	struct mmsghdr m;
	struct iovec iov;

	set_iov(&iov, p, len);
	memset(&m, 0, sizeof(m));
	m.msg_hdr.msg_name = to;
	m.msg_hdr.msg_namelen = to_len;
	m.msg_hdr.msg_iov = &iov;
	m.msg_hdr.msg_iovlen = 1;
	return send_prepared(o, sock, &m, 1);
}

/* ---- trains ---- */

/* The pieces of one train that its senders must not get, left out. */
struct detours {
	unsigned	 count, iovs;
	unsigned	 single;	/* of one piece */
	struct mmsghdr	*entry[NET_BUNDLE_PIECES];
	/* Leaving n pieces out leaves n + 1 runs at the most. */
	struct iovec	 iov[2 * NET_BUNDLE_PIECES];
};

/* The rest of the train around the pieces of a sender, as few runs. */
static unsigned
runs_without(const struct trains *t, const struct train *c, unsigned sender,
    struct iovec *iov)
{
	const struct train_piece *p;
	unsigned i, n = 0;
	bool run = false;

	for (i = c->first; i < c->first + (unsigned)c->count; i++) {
		p = &t->piece[t->order[i]];
		if (p->sender == sender) {
			run = false;
		} else if (run) {
			iov[n - 1].iov_len += p->len;
		} else {
			set_iov(&iov[n++], t->arena + p->at, p->len);
			run = true;
		}
	}
	return n;
}

/* Whether a piece of the train is by one of these receivers. */
static const struct train_sender *
sender_among(const struct trains *t, const struct train *c, unsigned i,
    uint32_t group, uint32_t from, uint32_t to)
{
	const struct train_sender *s;

	s = &t->sender[t->piece[t->order[c->first + i]].sender];
	return s->place.group == group && s->place.position >= from &&
	    s->place.position < to ? s : NULL;
}

static void
redirect(struct detours *d, struct trains *t, const struct train *c,
    struct group *g, uint32_t group, uint32_t from, uint32_t to)
{
	const uint32_t stamp = ++t->stamp;
	const struct train_sender *s;
	struct mmsghdr *e;
	unsigned i, sender;

	d->count = d->iovs = d->single = 0;
	for (i = 0; i < c->count; i++) {
		s = sender_among(t, c, i, group, from, to);
		if (s == NULL || s->stamp == stamp)
			continue;
		sender = t->piece[t->order[c->first + i]].sender;
		t->sender[sender].stamp = stamp;
		e = &g->entry[s->place.position];
		e->msg_hdr.msg_iov = &d->iov[d->iovs];
		e->msg_hdr.msg_iovlen = runs_without(t, c, sender,
		    e->msg_hdr.msg_iov);
		d->iovs += (unsigned)e->msg_hdr.msg_iovlen;
		d->single += copies(&e->msg_hdr, c->size) == 1;
		d->entry[d->count++] = e;
	}
}

static void
restore(struct detours *d, struct group *g)
{
	unsigned i;

	for (i = 0; i < d->count; i++) {
		d->entry[i]->msg_hdr.msg_iov = &g->iov;
		d->entry[i]->msg_hdr.msg_iovlen = 1;
	}
}

static void
count_bundles(struct outlet *o, const struct train *c, unsigned sends)
{
	if (c->count > 1)
		counter_add(&o->counters[LC_bundles], sends);
}

/* All of it is by one of these receivers, who gets nothing. */
static unsigned
send_around(struct outlet *o, struct group *g, const struct train *c,
    uint32_t from, uint32_t skip, uint32_t to)
{
	count_bundles(o, c, to - from - 1);
	return send_entries(o, g->kind.sock, g->entry + from, skip - from,
	    c->size) + send_entries(o, g->kind.sock, g->entry + skip + 1,
	    to - skip - 1, c->size);
}

/* Some of it is by some of these receivers, who get the rest. */
static unsigned
send_past(struct outlet *o, struct group *g, uint32_t group,
    struct trains *t, const struct train *c, uint32_t from, uint32_t to)
{
	struct detours d;
	unsigned lost;

	redirect(&d, t, c, g, group, from, to);
	lost = send_entries(o, g->kind.sock, g->entry + from, to - from,
	    c->size);
	restore(&d, g);
	count_bundles(o, c, to - from - d.single);
	return lost;
}

/* To receivers among whom there is no gap. */
static uint64_t
send_run(struct outlet *o, struct fanout *f, uint32_t group,
    struct trains *t, const struct train *c, uint32_t from, uint32_t to)
{
	struct group *g = &f->groups[group - 1];
	uint64_t own = 0;
	unsigned i, lost;

	if (from < c->senders_to && to > c->senders_from)
		for (i = 0; i < c->count; i++)
			own += sender_among(t, c, i, group, from, to) != NULL;
	set_iov(&g->iov, t->arena + c->at, c->len);
	net_bundle_size(&o->control, c->size);
	if (own == 0) {
		lost = send_entries(o, g->kind.sock, g->entry + from,
		    to - from, c->size);
		count_bundles(o, c, to - from);
	} else if (c->one_sender) {
		lost = send_around(o, g, c, from, sender_among(t, c, 0, group,
		    from, to)->place.position, to);
	} else {
		lost = send_past(o, g, group, t, c, from, to);
	}
	net_bundle_size(&o->control, 0);
	return (uint64_t)(to - from) * c->count - own - lost;
}

uint64_t
send_train(struct outlet *o, struct fanout *f, uint32_t group,
    struct trains *t, const struct train *c, uint32_t from, uint32_t to)
{
	const struct group *g = &f->groups[group - 1];
	uint64_t sent = 0;
	uint32_t i = from;

	for (; g->gaps > 0 && i < to; i++) {
		if (g->entry[i].msg_hdr.msg_name != NULL)
			continue;
		if (i > from)
			sent += send_run(o, f, group, t, c, from, i);
		from = i + 1;
	}
	if (from < to)
		sent += send_run(o, f, group, t, c, from, to);
	return sent;
}
