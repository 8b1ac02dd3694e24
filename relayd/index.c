/* SPDX-License-Identifier: ISC */
/*
 * The keyed index (see index.h).  Used by peers.c for members and by lobby.c
 * for clients.
 */
#include <sodium.h>
#include <string.h>

#include "index.h"
#include "sparse.h"

_Static_assert(INDEX_KEY == crypto_shorthash_KEYBYTES, "key");
_Static_assert(sizeof(uint64_t) == crypto_shorthash_BYTES, "hash");

void
index_make(struct index *ix, uint32_t count)
{
	uint32_t buckets = 64;

	while (buckets < count && buckets < UINT32_C(1) << 30)
		buckets *= 2;
	ix->entries = sparse_array(count, sizeof(*ix->entries));
	ix->bucket = sparse_array(buckets, sizeof(*ix->bucket));
	ix->mask = buckets - 1;
	ix->count = 0;
	randombytes_buf(ix->key, sizeof(ix->key));
}

uint64_t
index_hash(const struct index *ix, const void *p, size_t len)
{
	uint8_t out[crypto_shorthash_BYTES];
	uint64_t h;

	crypto_shorthash(out, p, len, ix->key);
	memcpy(&h, out, sizeof(h));
	return h != 0 ? h : 1;
}

void
index_remove(struct index *ix, uint32_t n)
{
	struct index_entry *e = &ix->entries[n], *first;
	uint32_t *b = &ix->bucket[e->hash & ix->mask];

	if (e->hash == 0)
		return;
	first = &ix->entries[*b - 1];	/* not empty: e is in it */
	if (e->next != 0)
		ix->entries[e->next - 1].prev = e->prev;
	else if (e != first)
		first->prev = e->prev;
	if (e == first)
		*b = e->next;
	else
		ix->entries[e->prev - 1].next = e->next;
	e->hash = 0;
	ix->count--;
}

void
index_put(struct index *ix, uint32_t n, uint64_t hash)
{
	struct index_entry *e = &ix->entries[n], *first;
	uint32_t *b = &ix->bucket[hash & ix->mask];

	index_remove(ix, n);
	e->hash = hash;
	e->next = 0;
	if (*b == 0) {
		e->prev = n + 1;
		*b = n + 1;
	} else {
		first = &ix->entries[*b - 1];
		e->prev = first->prev;
		ix->entries[e->prev - 1].next = n + 1;
		first->prev = n + 1;
	}
	ix->count++;
}

/* From a link on, the first entry with that hash. */
static uint32_t
look(const struct index *ix, uint32_t link, uint64_t hash, unsigned *walk)
{
	for (; link != 0 && *walk > 0; link = ix->entries[link - 1].next) {
		--*walk;
		if (ix->entries[link - 1].hash == hash)
			return link - 1;
	}
	return INDEX_NONE;
}

uint32_t
index_first(const struct index *ix, uint64_t hash, unsigned *walk)
{
	*walk = INDEX_WALK;
	return look(ix, ix->bucket[hash & ix->mask], hash, walk);
}

uint32_t
index_next(const struct index *ix, uint32_t n, unsigned *walk)
{
	return look(ix, ix->entries[n].next, ix->entries[n].hash, walk);
}
