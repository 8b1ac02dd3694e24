/* SPDX-License-Identifier: ISC */
/*
 * The lock and the transactions of the shared segment, with a kill possible
 * before every single step of either role and the supervisor of ocmd/child.c
 * in between.  Names follow common/shmlock.c and common/roomtab_tx.c.
 *
 * Checked: mutual exclusion; no semaphore dies with the role that took it; no
 * torn snapshot is taken for whole; nothing that a client was told or a
 * reader saw is lost, and nothing half-done is visible after recovery; with
 * -DLIVE, that the reader gets the lock again and again (no lost wake-up).
 * Each -DM_... breaks one rule of the algorithm, and spin must
 * find the break (run.sh).
 */
#ifndef KILLS
#define KILLS 3
#endif
#ifndef OPS
#define OPS 2
#endif

#define IDLE 0
#define WANT 1
#define HOLD 2
#define POST 3
#define ROOM 0			/* the writer, roomd */
#define RELAY 1			/* a reader, relayd */

/* region C */
byte sem = 1;
byte intent[2];
bool park;

/*
 * Region R: two words a and b.  A transaction of value v stores a = 0, then
 * b = v, then a = v: a word may be stored twice, as a free list's head is.
 */
byte a, b;
byte seq;			/* modulo 4: only its parity and change count */
bool jact;
byte jn;
byte jword[3], jold[3];		/* the undo journal */

/* ghosts: what an observer knows and no process reads */
bool alive[2], dead[2];		/* dead: killed and not yet reaped */
bool inside[2];
bool took[2];			/* has taken the semaphore and not posted */
byte kills = KILLS;
byte told;			/* the last value a client was told */
byte tried;			/* the last value a transaction began with */
byte seen;			/* the last value a reader took for whole */

#define STEP(me) if \
	:: atomic { kills > 0 -> kills--; inside[me] = false; \
	    alive[me] = false; dead[me] = true } goto died \
	:: true fi

/* M_UNCHECKED: look for the consequence of a lost semaphore, not the loss. */
#ifdef M_UNCHECKED
#define CHECK_TOOK(me) true
#else
#define CHECK_TOOK(me) assert(!took[me])
#endif

inline acquire(me) {
	got = false;
	do
	:: got -> break
	:: !got ->
		!park;
		STEP(me); intent[me] = WANT;
		STEP(me);
		if
#ifndef M_NO_SECOND_LOOK
		:: park -> intent[me] = IDLE
		:: !park ->
#else
		:: true ->
#endif
			STEP(me);
			if
			:: atomic { sem > 0 -> sem--; took[me] = true }
				STEP(me); intent[me] = HOLD; got = true
#ifdef LIVE
			:: sem == 0 -> intent[me] = IDLE
#else
			:: intent[me] = IDLE	/* a wait may time out */
#endif
			fi
		fi
	od
}

inline release(me) {
	STEP(me); intent[me] = POST;
	STEP(me); atomic { sem++; took[me] = false };
	STEP(me); intent[me] = IDLE
}

/* tx_store(): entry, count, word */
inline tx_store(which, word, value) {
	STEP(ROOM); jword[jn] = which; jold[jn] = word;
#ifdef M_STORE_BEFORE_COUNT
	STEP(ROOM); word = value;
	STEP(ROOM); jn++
#else
	STEP(ROOM); jn++;
	STEP(ROOM); word = value
#endif
}

inline tx_begin() {
#ifndef M_NO_SEQ
	STEP(ROOM); seq = (seq + 1) % 4;
#endif
#ifdef M_ARM_FIRST
	STEP(ROOM); jact = true;
	STEP(ROOM); jn = 0
#else
	STEP(ROOM); jn = 0;
	STEP(ROOM); jact = true
#endif
}

inline tx_commit() {
#ifdef M_SEQ_FIRST
	STEP(ROOM); seq = (seq + 1) % 4;
#endif
	STEP(ROOM); jact = false;	/* the commit: this one store */
#if !defined(M_NO_SEQ) && !defined(M_SEQ_FIRST)
	STEP(ROOM); seq = (seq + 1) % 4
#endif
}

inline undo_one(i) {
	if
	:: jword[i] == 0 -> a = jold[i]
	:: else -> b = jold[i]
	fi
}

/* roomtab_recover(): it may itself be killed anywhere */
inline recover() {
#ifndef M_NO_UNDO
	if
	:: jact ->
#ifdef M_UNDO_FORWARD
		i = 0;
		do
		:: i < jn -> STEP(ROOM); undo_one(i); i++
		:: else -> break
		od;
#else
		i = jn;
		do
		:: i > 0 -> STEP(ROOM); i--; undo_one(i)
		:: else -> break
		od;
#endif
		STEP(ROOM); jact = false
	:: else
	fi;
#endif
	STEP(ROOM);
	if
	:: seq % 2 == 1 -> seq = (seq + 1) % 4
	:: else
	fi;
	assert(a == b);			/* nothing half-done */
	assert(a >= told);		/* nothing told is lost */
	assert(a >= seen);		/* nothing seen is taken back */
	assert(a <= tried)
}

proctype Roomd() {
	bool got;
	byte v, i;

	recover();
	v = a + 1;
	do
	:: v <= OPS ->
		acquire(ROOM);
		inside[ROOM] = true;
		assert(!inside[RELAY]);
		tried = v;
		tx_begin();
		tx_store(0, a, 0);
		tx_store(1, b, v);
		tx_store(0, a, v);
#ifdef M_ANSWER_EARLY
		told = v;
#endif
		tx_commit();
		inside[ROOM] = false;
		release(ROOM);
		STEP(ROOM);
		told = v;		/* the client is answered */
		v++
	:: v > OPS -> break
	od;
end_done:
	dead[ROOM] -> skip;
died:
	skip
}

proctype Relayd() {
	bool got;
	byte s, ca, cb;

	do
	::	acquire(RELAY);
		inside[RELAY] = true;
		assert(!inside[ROOM]);
		STEP(RELAY); s = seq;
		if
#ifndef M_NO_SEQ
		:: s % 2 == 1 -> skip		/* the writer died half-way */
		:: else ->
#else
		:: true ->
#endif
			STEP(RELAY); ca = a;
			STEP(RELAY); cb = b;
			STEP(RELAY);
			if
			:: s == seq -> assert(ca == cb); seen = ca
			:: else -> skip
			fi
		fi;
		inside[RELAY] = false;
		release(RELAY);
		s = 0; ca = 0; cb = 0
	od;
died:
	skip
}

/* The supervisor; see child.c.  It is not killed: the children go with it. */
active proctype Ocmd() {
	bool d[2];

	atomic {
		alive[ROOM] = true; alive[RELAY] = true;
		run Roomd(); run Relayd()
	};
end_watch:
	do
	:: dead[ROOM] || dead[RELAY] ->
		/* D, the deaths that this pass answers for */
		atomic { d[ROOM] = dead[ROOM]; d[RELAY] = dead[RELAY] };
#ifndef M_NO_PARK
		park = true;
#endif
#ifdef M_POST_IF_HELD
		if
		:: d[ROOM] && intent[ROOM] == HOLD ->
			atomic { sem++; took[ROOM] = false }
		:: else
		fi;
		if
		:: d[RELAY] && intent[RELAY] == HOLD ->
			atomic { sem++; took[RELAY] = false }
		:: else
		fi;
#endif
#ifndef M_NO_QUIET
		/* one that dies meanwhile is reaped and joins D */
		do
		:: (d[ROOM] || !dead[ROOM]) && (d[RELAY] || !dead[RELAY]) &&
		   (d[ROOM] || intent[ROOM] == IDLE) &&
		   (d[RELAY] || intent[RELAY] == IDLE) -> break
		:: dead[ROOM] && !d[ROOM] -> d[ROOM] = true
		:: dead[RELAY] && !d[RELAY] -> d[RELAY] = true
		od;
#endif
		if :: d[ROOM] -> intent[ROOM] = IDLE :: else fi;
		if :: d[RELAY] -> intent[RELAY] = IDLE :: else fi;
#ifndef M_POST_IF_HELD
		atomic {
			sem = 1;
			if :: d[ROOM] -> took[ROOM] = false :: else fi;
			if :: d[RELAY] -> took[RELAY] = false :: else fi
		};
#endif
		park = false;
#ifdef M_RESTART_UNREAPED
		d[ROOM] = d[ROOM] || dead[ROOM];
		d[RELAY] = d[RELAY] || dead[RELAY];
#endif
		if
		:: d[ROOM] -> atomic { CHECK_TOOK(ROOM);
			dead[ROOM] = false;
			alive[ROOM] = true; run Roomd() }
		:: else
		fi;
		if
		:: d[RELAY] -> atomic { CHECK_TOOK(RELAY);
			dead[RELAY] = false;
			alive[RELAY] = true; run Relayd() }
		:: else
		fi;
		d[ROOM] = false; d[RELAY] = false
	od
}

#ifdef LIVE
/* After the last kill the reader gets in again and again, and so can all. */
ltl served { []<>(inside[RELAY]) }
#endif
