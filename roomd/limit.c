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
	BUCKETS = 1024,			/* of half-open sources */
	COUNT_MAX = 1024,		/* beyond, all are equally busy */
};
#define NS_PER_S UINT64_C(1000000000)

struct rate {
	uint8_t		source[SOURCE];
	uint64_t	full_ns;	/* 0: free */
};

struct limit_source {
	LIST_ENTRY(limit_source)	 hash;
	TAILQ_ENTRY(limit_source)	 busy;
	TAILQ_HEAD(, half_open)		 nodes;		/* oldest first */
	uint32_t			 count;
	uint8_t				 source[SOURCE];
};

struct limit {
	uint8_t				 key[crypto_shorthash_KEYBYTES];
	struct rate			 rates[LIMIT_WHATS][SETS][WAYS];
	LIST_HEAD(, limit_source)	 sources[BUCKETS];
	TAILQ_HEAD(, limit_source)	 by_count[COUNT_MAX + 1];
	uint32_t			 busiest;	/* top of by_count */
	uint32_t			 half_open, most;
};

struct limit *
limit_new(uint32_t most)
{
	struct limit *l;
	unsigned i;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return NULL;
	l->most = most;
	crypto_shorthash_keygen(l->key);
	for (i = 0; i < BUCKETS; i++)
		LIST_INIT(&l->sources[i]);
	for (i = 0; i <= COUNT_MAX; i++)
		TAILQ_INIT(&l->by_count[i]);
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
	uint64_t now = now_us * 1000, each, full;
	struct rate *r;

	if (rate == 0)
		return true;
	each = NS_PER_S / rate;
	if (burst == 0)
		burst = 1;
	if (much > burst)
		much = burst;
	addr_source(a, source);
	r = rate_of(l, what, source);
	full = (r->full_ns > now ? r->full_ns : now) + each * much;
	if (full - now > each * burst)
		return false;
	r->full_ns = full;
	return true;
}

/* ---- half-open requests ---- */

static uint32_t
busy_index(const struct limit_source *s)
{
	return s->count < COUNT_MAX ? s->count : COUNT_MAX;
}

static struct limit_source *
source_find(struct limit *l, const uint8_t source[SOURCE])
{
	struct limit_source *s;
	uint64_t h = hash_of(l, source) % BUCKETS;

	LIST_FOREACH(s, &l->sources[h], hash)
		if (memcmp(s->source, source, SOURCE) == 0)
			return s;
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return NULL;
	memcpy(s->source, source, SOURCE);
	TAILQ_INIT(&s->nodes);
	LIST_INSERT_HEAD(&l->sources[h], s, hash);
	TAILQ_INSERT_TAIL(&l->by_count[0], s, busy);
	return s;
}

/* Puts a source where its new count belongs. */
static void
source_count(struct limit *l, struct limit_source *s, uint32_t count)
{
	TAILQ_REMOVE(&l->by_count[busy_index(s)], s, busy);
	s->count = count;
	TAILQ_INSERT_TAIL(&l->by_count[busy_index(s)], s, busy);
	if (busy_index(s) > l->busiest)
		l->busiest = busy_index(s);
	while (l->busiest > 0 && TAILQ_EMPTY(&l->by_count[l->busiest]))
		l->busiest--;
}

bool
limit_open(struct limit *l, struct half_open *node, const struct addr *a)
{
	uint8_t source[SOURCE];
	struct limit_source *s;

	node->source = NULL;
	addr_source(a, source);
	if ((s = source_find(l, source)) == NULL)
		return false;
	TAILQ_INSERT_TAIL(&s->nodes, node, link);
	node->source = s;
	source_count(l, s, s->count + 1);
	l->half_open++;
	return true;
}

void
limit_done(struct limit *l, struct half_open *node)
{
	struct limit_source *s = node->source;

	if (s == NULL)
		return;
	node->source = NULL;
	TAILQ_REMOVE(&s->nodes, node, link);
	source_count(l, s, s->count - 1);
	l->half_open--;
	if (s->count == 0) {
		TAILQ_REMOVE(&l->by_count[0], s, busy);
		LIST_REMOVE(s, hash);
		free(s);
	}
}

struct half_open *
limit_victim(struct limit *l, const struct half_open *latest, uint32_t all,
    uint32_t per_source)
{
	const struct limit_source *s = latest->source;

	if (s != NULL && s->count > per_source)
		return TAILQ_FIRST(&s->nodes);
	if (l->half_open <= (all < l->most ? all : l->most))
		return NULL;
	return TAILQ_FIRST(&TAILQ_FIRST(&l->by_count[l->busiest])->nodes);
}
