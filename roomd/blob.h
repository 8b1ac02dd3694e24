/* SPDX-License-Identifier: ISC */
/*
 * Bytes on their way out.  A blob grows while it is built and is then shared
 * by all that send it: one list of rooms serves a thousand readers.  Its
 * bytes are wiped when the last of them lets go, for many hold a token.
 */
#ifndef OCM_BLOB_H
#define OCM_BLOB_H

#include <stddef.h>
#include <stdint.h>

struct blob {
	unsigned	 refs;
	size_t		 len, cap;
	uint8_t		 data[];
};

/* One blob never grows beyond this. */
enum { BLOB_MAX = 32 << 20 };

/* An empty blob with one reference, or NULL. */
struct blob *blob_new(size_t cap);
/* A blob of these bytes, or NULL. */
struct blob *blob_of(const void *, size_t len);
struct blob *blob_ref(struct blob *);
void	blob_unref(struct blob *);	/* NULL is allowed */

/*
 * Building.  When memory is short or BLOB_MAX is reached, the blob is gone
 * and *b is NULL; every further call then does nothing, so that a builder
 * looks once, at its end.
 */
void	blob_add(struct blob **b, const void *, size_t len);
void	blob_text(struct blob **b, const char *);
void	blob_number(struct blob **b, uint64_t);
/* A name (valid UTF-8, no NUL needed) as a JSON string with its quotes. */
void	blob_json(struct blob **b, const void *name, size_t len);

/* Bytes that all living blobs hold: what bounds slow readers together. */
size_t	blob_total(void);

#endif
