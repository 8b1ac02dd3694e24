/* SPDX-License-Identifier: ISC */
/*
 * What the rows of the dialect table are made of: included by dialect*.c and
 * by nothing else.
 */
#ifndef OCM_DIALECT_ROW_H
#define OCM_DIALECT_ROW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "cursor.h"
#include "dialect.h"
#include "wire_tcp.h"

/* A create or join on its way through the rows; JSON is parsed once. */
struct opening {
	const struct tcrp_frame *frame;
	bool		 looks_json;	/* begins as an object or a string */
	json_t		*json;		/* NULL where it is not JSON */
};

/* dialect_json.c */

/* Whether a payload begins as JSON of a request does. */
bool	row_json_begins(const uint8_t *payload, size_t len);
/*
 * Parses a payload whole.  NULL where it is no JSON, nests deeper than any
 * request does, holds a key twice or a NUL.  Free with json_decref.
 */
json_t	*row_json_parse(const uint8_t *payload, size_t len);

int	row_recognise_json_string(const struct opening *, struct request *);
int	row_recognise_json_address(const struct opening *, struct request *);
int	row_recognise_json_port(const struct opening *, struct request *);
int	row_recognise_json_udp(const struct opening *, struct request *);
int	row_recognise_plain_json(const struct opening *, struct request *);

/* dialect.c: takes a user name.  1, or -1 where it is no valid one. */
int	row_take_user(struct request *, const void *name, size_t len);

/* dialect_answer.c */
void	row_status_always(const struct reply *, struct writer *);
void	row_status_refusal(const struct reply *, struct writer *);
void	row_status_json_string(const struct reply *, struct writer *);
void	row_status_json_address(const struct reply *, struct writer *);
void	row_status_json_port(const struct reply *, struct writer *);
void	row_status_json_udp(const struct reply *, struct writer *);
void	row_status_word(const struct reply *, struct writer *);
void	row_done_token(const struct reply *, struct writer *);
void	row_done_decimal(const struct reply *, struct writer *);
void	row_done_json_string(const struct reply *, struct writer *);
void	row_done_json_address(const struct reply *, struct writer *);
void	row_done_json_port(const struct reply *, struct writer *);
void	row_done_json_udp(const struct reply *, struct writer *);
void	row_done_word(const struct reply *, struct writer *);

/* dialect_form.c */

/*
 * Writes text as a JSON string with its quotes.  What is not UTF-8 becomes
 * U+FFFD.  No allocation.
 */
void	writer_json(struct writer *, const void *text, size_t len);
size_t	row_closed_json_string(const struct utterance *, bool enrolled,
	    uint8_t out[DELIVERY_MAX]);
size_t	row_closed_port_suffix(const struct utterance *, bool enrolled,
	    uint8_t out[DELIVERY_MAX]);

#endif
