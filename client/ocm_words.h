/* SPDX-License-Identifier: ISC */
/*
 * The words of the command line.  Each returns an exit status.
 */
#ifndef OCM_WORDS_H
#define OCM_WORDS_H

#include "ocm.h"

/* What follows the word and its options. */
struct operands {
	const char	*room;		/* NULL where the word has none */
	char		**rest;		/* the text of send */
	int		 count;
};

int	word_create(struct options *, const struct operands *);
int	word_join(struct options *, const struct operands *);
int	word_lobby(struct options *, const struct operands *);
int	word_rooms(struct options *, const struct operands *);
int	word_who(struct options *, const struct operands *);
int	word_send(struct options *, const struct operands *);
int	word_listen(struct options *, const struct operands *);
/* Bare ocm: asks for everything, then enters or makes the room. */
int	word_bare(struct options *);

#endif
