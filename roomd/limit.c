/* SPDX-License-Identifier: ISC */
/*
 * Limits per source: see limit.h.  Rates are kept as GCRA, one time per
 * source: the moment at which its bucket will be full again.
 */
#include <assert.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "limit.h"

enum {
	SOURCE = 16,			/* bytes, addr_source() */
	SETS = 2048, WAYS = 8,		/* rate table: 16384 sources */
	BUCKETS = 1024,			/* of sources with connections */
	COUNT_MAX = 1024,		/* beyond, all are equally busy */
};
#define NS_PER_S UINT64_C(1000000000)

struct rate {
	uint8_t		source[SOURCE];
	uint64_t	full_ns;	/* 0: free */
};

struct limit_source {
	LIST_ENTRY(limit_source)		 hash;
	uint8_t					 source[SOURCE];
	struct {
		TAILQ_ENTRY(limit_source)	 busy;
		TAILQ_HEAD(, limit_conn)	 conns;	/* oldest first */
		uint32_t			 count;
	} in[LIMIT_PHASES];
};

/* All the connections in one phase. */
struct crowd {
	TAILQ_HEAD(, limit_source)	 by_count[COUNT_MAX + 1];
	uint32_t			 busiest;	/* top of by_count */
	uint32_t			 size;
};

struct limit {
	uint8_t				 key[crypto_shorthash_KEYBYTES];
	struct rate			 rates[LIMIT_WHATS][SETS][WAYS];
	LIST_HEAD(, limit_source)	 sources[BUCKETS];
	struct crowd			 crowds[LIMIT_PHASES];
	uint32_t			 most;		/* half-open */
};

struct limit *
limit_new(uint32_t most)
{
	struct limit *l;
	unsigned i, phase;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return NULL;
	l->most = most;
	crypto_shorthash_keygen(l->key);
	for (i = 0; i < BUCKETS; i++)
		LIST_INIT(&l->sources[i]);
	for (phase = 0; phase < LIMIT_PHASES; phase++)
		for (i = 0; i <= COUNT_MAX; i++)
			TAILQ_INIT(&l->crowds[phase].by_count[i]);
	return l;
}

void
limit_free(struct limit *l)
{
	struct limit_source *s;
	unsigned i;

	if (l == NULL)
		return;
	for (i = 0; i < BUCKETS; i++)
		while ((s = LIST_FIRST(&l->sources[i])) != NULL) {
			LIST_REMOVE(s, hash);
			free(s);
		}
	free(l);
}

static uint64_t
hash_of(const struct limit *l, const uint8_t source[SOURCE])
{
	uint8_t out[crypto_shorthash_BYTES];
	uint64_t h;

	static_assert(sizeof(h) == crypto_shorthash_BYTES, "hash");
	crypto_shorthash(out, source, SOURCE, l->key);
	memcpy(&h, out, sizeof(h));
	return h;
}

/* ---- rates ---- */

/*
 * The place of a source: its own, or the one whose bucket is full or fullest.
 * A source that loses its place starts again with a full bucket; to use that
 * one needs more sources than the table holds.
 */
static struct rate *
rate_of(struct limit *l, enum limit_what what, const uint8_t source[SOURCE])
{
	struct rate *set = l->rates[what][hash_of(l, source) % SETS];
	struct rate *oldest = &set[0];
	unsigned i;

	for (i = 0; i < WAYS; i++) {
		if (set[i].full_ns != 0 &&
		    memcmp(set[i].source, source, SOURCE) == 0)
			return &set[i];
		if (set[i].full_ns < oldest->full_ns)
			oldest = &set[i];
	}
	memcpy(oldest->source, source, SOURCE);
	oldest->full_ns = 0;
	return oldest;
}

bool
limit_take(struct limit *l, enum limit_what what, const struct addr *a,
    uint32_t much, uint32_t rate, uint32_t burst, uint64_t now_us)
{
	uint8_t source[SOURCE];
	uint64_t now = now_us * 1000, each, most, full;
	struct rate *r;

	if (rate == 0)
		return true;
	each = NS_PER_S / rate;
	if (burst == 0)
		burst = 1;
	if (much > burst)
		much = burst;
	most = each * burst;
	addr_source(a, source);
	r = rate_of(l, what, source);
	/* Empty is empty, also where it became so at an older, slower rate. */
	if (r->full_ns > now + most)
		r->full_ns = now + most;
	full = (r->full_ns > now ? r->full_ns : now) + each * much;
	if (full - now > most)
		return false;
	r->full_ns = full;
	return true;
}

/* ---- connections ---- */

static uint32_t
busy_index(uint32_t count)
{
	return count < COUNT_MAX ? count : COUNT_MAX;
}

static struct limit_source *
source_find(struct limit *l, const uint8_t source[SOURCE])
{
	struct limit_source *s;
	uint64_t h = hash_of(l, source) % BUCKETS;
	unsigned phase;

	LIST_FOREACH(s, &l->sources[h], hash)
		if (memcmp(s->source, source, SOURCE) == 0)
			return s;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	memcpy(s->source, source, SOURCE);
	LIST_INSERT_HEAD(&l->sources[h], s, hash);
	for (phase = 0; phase < LIMIT_PHASES; phase++) {
		TAILQ_INIT(&s->in[phase].conns);
		TAILQ_INSERT_TAIL(&l->crowds[phase].by_count[0], s,
		    in[phase].busy);
	}
	return s;
}

static void
source_free(struct limit *l, struct limit_source *s)
{
	unsigned phase;

	for (phase = 0; phase < LIMIT_PHASES; phase++)
		TAILQ_REMOVE(&l->crowds[phase].by_count[0], s,
		    in[phase].busy);
	LIST_REMOVE(s, hash);
	free(s);
}

/* Puts a source where its new count belongs. */
static void
source_count(struct crowd *c, struct limit_source *s, enum limit_phase phase,
    uint32_t count)
{
	const uint32_t from = busy_index(s->in[phase].count);
	const uint32_t to = busy_index(count);

	TAILQ_REMOVE(&c->by_count[from], s, in[phase].busy);
	s->in[phase].count = count;
	TAILQ_INSERT_TAIL(&c->by_count[to], s, in[phase].busy);
	if (to > c->busiest)
		c->busiest = to;
	while (c->busiest > 0 && TAILQ_EMPTY(&c->by_count[c->busiest]))
		c->busiest--;
}

static void
enter(struct limit *l, struct limit_conn *conn, enum limit_phase phase)
{
	struct limit_source *s = conn->source;

	conn->phase = phase;
	TAILQ_INSERT_TAIL(&s->in[phase].conns, conn, link);
	source_count(&l->crowds[phase], s, phase, s->in[phase].count + 1);
	l->crowds[phase].size++;
}

static void
leave(struct limit *l, struct limit_conn *conn)
{
	const enum limit_phase phase = conn->phase;
	struct limit_source *s = conn->source;

	TAILQ_REMOVE(&s->in[phase].conns, conn, link);
	source_count(&l->crowds[phase], s, phase, s->in[phase].count - 1);
	l->crowds[phase].size--;
}

bool
limit_open(struct limit *l, struct limit_conn *conn, enum limit_phase phase,
    const struct addr *a)
{
	uint8_t source[SOURCE];

	if (conn->source != NULL) {
		leave(l, conn);
	} else {
		addr_source(a, source);
		if ((conn->source = source_find(l, source)) == NULL)
			return false;
	}
	enter(l, conn, phase);
	return true;
}

void
limit_done(struct limit *l, struct limit_conn *conn)
{
	struct limit_source *s = conn->source;
	unsigned phase;

	if (s == NULL)
		return;
	leave(l, conn);
	conn->source = NULL;
	for (phase = 0; phase < LIMIT_PHASES; phase++)
		if (s->in[phase].count > 0)
			return;
	source_free(l, s);
}

/* Of the busiest source; NULL: there is none at all. */
static struct limit_conn *
oldest(const struct limit *l, enum limit_phase phase)
{
	const struct crowd *c = &l->crowds[phase];

	return c->size == 0 ? NULL : TAILQ_FIRST(&TAILQ_FIRST(
	    &c->by_count[c->busiest])->in[phase].conns);
}

struct limit_conn *
limit_victim(struct limit *l, const struct limit_conn *latest, uint32_t all,
    uint32_t per_source)
{
	const struct limit_source *s = latest->source;

	if (s != NULL && s->in[LIMIT_HALF_OPEN].count > per_source)
		return TAILQ_FIRST(&s->in[LIMIT_HALF_OPEN].conns);
	if (l->crowds[LIMIT_HALF_OPEN].size <= (all < l->most ? all : l->most))
		return NULL;
	return oldest(l, LIMIT_HALF_OPEN);
}

struct limit_conn *
limit_crowded(struct limit *l, uint32_t answered, bool is_short)
{
	const struct crowd *half_open = &l->crowds[LIMIT_HALF_OPEN];
	const struct crowd *after = &l->crowds[LIMIT_ANSWERED];

	if (after->size > answered)
		return oldest(l, LIMIT_ANSWERED);
	if (!is_short)
		return NULL;
	return oldest(l, half_open->busiest > after->busiest ?
	    LIMIT_HALF_OPEN : LIMIT_ANSWERED);
}
