/* SPDX-License-Identifier: ISC */
/* The inside of a crowd, for crowd.c and crowd_open.c only. */
#ifndef OCM_BENCH_CROWD_PRIVATE_H
#define OCM_BENCH_CROWD_PRIVATE_H

#include "crowd.h"
#include "ears.h"
#include "join.h"

enum {
	CROWD_PATTERN = 64,		/* period of the filler */
	CROWD_NUMBER = 6,		/* digits of 6 bits */
	CROWD_ROOM = 3,
	CROWD_PREFIX = sizeof("m00000: ") - 1,
	CROWD_HOSTS = 250,		/* 127.1.0.1 and so on */
};

struct member {
	struct joined	joined;
	unsigned	room, index;
};

/* A message as it is to be heard; two arrays of varying size follow it. */
struct said {
	uint64_t	number, at_ns;
	unsigned	missing;	/* deliveries still to come */
	unsigned	len;		/* of the whole datagram; 0: unsaid */
	uint64_t	heard[];	/* bit per member */
};

struct room {
	uint64_t	next;		/* number of the next message */
	uint64_t	oldest;		/* none before it is in flight */
	unsigned	in_flight;
	bool		listed;		/* in crowd.wanting */
};

struct crowd {
	struct crowd_plan plan;
	unsigned	 people;
	size_t		 prefix;	/* bytes before a message */
	size_t		 words;		/* of said.heard */
	size_t		 stride;
	unsigned	 remembered;	/* a power of two */
	char		*kept;		/* struct said of each room */
	struct member	*member;
	struct room	*room;
	unsigned	*wanting, wants;	/* rooms: one came through */
	struct ears	*ears;
	uint64_t	 in_flight;
	struct crowd_counts counts;
	struct histogram latency;
	char		 filler[CROWD_BYTES_MAX + CROWD_PATTERN];
};

/* What ears_open() calls: judges what one socket has heard. */
void	crowd_take(void *, const struct heard *);

#endif
