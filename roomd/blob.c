/* SPDX-License-Identifier: ISC */
/*
 * Bytes on their way out: see blob.h.  Used by everything in roomd that
 * answers.  Growing copies and wipes instead of calling realloc, which would
 * leave a token behind in freed memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "blob.h"
#include "wire.h"

/* A byte of a name becomes two at most. */
enum { JSON_NAME = 2 * NAME_MAX_BYTES + 2 };

static size_t total;

struct blob *
blob_new(size_t cap)
{
	struct blob *b;

	if (cap > BLOB_MAX || (b = malloc(sizeof(*b) + cap)) == NULL)
		return NULL;
	b->refs = 1;
	b->len = 0;
	b->cap = cap;
	total += cap;
	return b;
}

struct blob *
blob_of(const void *bytes, size_t len)
{
	struct blob *b = blob_new(len);

	if (b != NULL)
		blob_add(&b, bytes, len);
	return b;
}

struct blob *
blob_ref(struct blob *b)
{
	b->refs++;
	return b;
}

void
blob_unref(struct blob *b)
{
	if (b == NULL || --b->refs > 0)
		return;
	total -= b->cap;
	explicit_bzero(b->data, b->len);
	free(b);
}

static void
grow(struct blob **b, size_t need)
{
	struct blob *old = *b, *new = NULL;
	size_t cap = old->cap < 512 ? 1024 : old->cap * 2;

	if (need <= BLOB_MAX) {
		if (cap < need)
			cap = need;
		if (cap > BLOB_MAX)
			cap = BLOB_MAX;
		new = blob_new(cap);
	}
	if (new != NULL) {
		memcpy(new->data, old->data, old->len);
		new->len = old->len;
	}
	blob_unref(old);
	*b = new;
}

void
blob_add(struct blob **b, const void *bytes, size_t len)
{
	if (*b != NULL && len > (*b)->cap - (*b)->len)
		grow(b, (*b)->len + len);
	if (*b == NULL || len == 0)
		return;
	memcpy((*b)->data + (*b)->len, bytes, len);
	(*b)->len += len;
}

void
blob_text(struct blob **b, const char *text)
{
	blob_add(b, text, strlen(text));
}

void
blob_number(struct blob **b, uint64_t n)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, n);
	blob_text(b, text);
}

/*
 * By hand, because long lists are made of it.  The table hands out valid
 * names only, which have no control characters; so there is no second check.
 */
static size_t
json_escape(char *to, const uint8_t *from, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (from[i] == '"' || from[i] == '\\')
			to[n++] = '\\';
		to[n++] = (char)from[i];
	}
	return n;
}

void
blob_json(struct blob **b, const void *name, size_t len)
{
	char text[JSON_NAME];
	size_t n = 0;

	if (len > NAME_MAX_BYTES) {
		blob_unref(*b);
		*b = NULL;
		return;
	}
	text[n++] = '"';
	n += json_escape(text + n, name, len);
	text[n++] = '"';
	blob_add(b, text, n);
}

size_t
blob_total(void)
{
	return total;
}
